var searchData=
[
  ['kept_5fbytes_0',['kept_bytes',['../structaccv__cache_1_1kept__bytes.html',1,'accv_cache']]]
];
