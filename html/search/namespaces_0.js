var searchData=
[
  ['accv_5fcache_0',['accv_cache',['../namespaceaccv__cache.html',1,'']]]
];
