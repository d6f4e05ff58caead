var searchData=
[
  ['residency_5fsource_0',['residency_source',['../namespaceaccv__cache.html#aa7f0b952bc3860bfedfd92187e6b767d',1,'accv_cache']]]
];
