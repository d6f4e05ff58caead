var searchData=
[
  ['cachestat_0',['CACHESTAT',['../namespaceaccv__cache.html#aa7f0b952bc3860bfedfd92187e6b767da37b1619fb08e4c9aa5905163886ccafe',1,'accv_cache']]]
];
