var searchData=
[
  ['walk_5foptions_0',['walk_options',['../structaccv__cache_1_1walk__options.html',1,'accv_cache']]]
];
