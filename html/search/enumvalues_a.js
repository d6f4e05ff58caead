var searchData=
[
  ['unknown_0',['UNKNOWN',['../namespaceaccv__cache.html#a95709d9a0556c248f89924831819c334a696b031073e74bf2cb98e5ef201d4aa3',1,'accv_cache']]],
  ['unknown_5ferror_1',['UNKNOWN_ERROR',['../namespaceaccv__cache.html#ada3eda3a3c4287593feeab1a3557a117a9a10f345b0f755d461a8673a5e9ef6b4',1,'accv_cache']]]
];
