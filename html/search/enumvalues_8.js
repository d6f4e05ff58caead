var searchData=
[
  ['special_5ffile_0',['SPECIAL_FILE',['../namespaceaccv__cache.html#a8803a8544828ac9563d771b6ca4cfba6a0e9d2bc67ee4dcab3823a2ebc789db13',1,'accv_cache']]],
  ['status_1',['STATUS',['../namespaceaccv__cache.html#ac84d575aaa902df3cd4bb8fefd839707a5f241c8c8f985b3c51e05d39cf030f4c',1,'accv_cache']]],
  ['success_2',['SUCCESS',['../namespaceaccv__cache.html#ada3eda3a3c4287593feeab1a3557a117ad0749aaba8b833466dfcbb0428e4f89c',1,'accv_cache']]],
  ['symbolic_5flink_3',['SYMBOLIC_LINK',['../namespaceaccv__cache.html#a8803a8544828ac9563d771b6ca4cfba6ab184d952382160a26328dfb90613faf7',1,'accv_cache']]]
];
