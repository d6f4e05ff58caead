var searchData=
[
  ['dropcachestatus_0',['DropCacheStatus',['../namespaceaccv__cache.html#ada3eda3a3c4287593feeab1a3557a117',1,'accv_cache']]]
];
