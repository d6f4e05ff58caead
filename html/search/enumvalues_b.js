var searchData=
[
  ['write_5fback_0',['WRITE_BACK',['../namespaceaccv__cache.html#ac84d575aaa902df3cd4bb8fefd839707a62b070c7046d62c52574b9460e5c7d21',1,'accv_cache']]]
];
