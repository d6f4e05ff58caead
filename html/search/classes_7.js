var searchData=
[
  ['resident_5fspan_0',['resident_span',['../structaccv__cache_1_1resident__span.html',1,'accv_cache']]]
];
