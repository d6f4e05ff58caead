var searchData=
[
  ['failed_5fstep_0',['failed_step',['../namespaceaccv__cache.html#ac84d575aaa902df3cd4bb8fefd839707',1,'accv_cache']]]
];
