var searchData=
[
  ['unknown_5freason_0',['unknown_reason',['../namespaceaccv__cache.html#ae7af1f8641cf991071e3a85363f3440e',1,'accv_cache']]]
];
