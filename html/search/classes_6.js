var searchData=
[
  ['query_5foptions_0',['query_options',['../structaccv__cache_1_1query__options.html',1,'accv_cache']]]
];
