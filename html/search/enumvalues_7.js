var searchData=
[
  ['page_5fcache_0',['PAGE_CACHE',['../namespaceaccv__cache.html#a95709d9a0556c248f89924831819c334aef56d5d9754401ef83f01614203fae49',1,'accv_cache']]],
  ['platform_5ferror_1',['PLATFORM_ERROR',['../namespaceaccv__cache.html#ada3eda3a3c4287593feeab1a3557a117a155d48028d2f38dead5197570a098fed',1,'accv_cache']]]
];
