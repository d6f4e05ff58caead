var searchData=
[
  ['tmpfs_0',['TMPFS',['../namespaceaccv__cache.html#a95709d9a0556c248f89924831819c334aff2e7630a587046207a982ce22513357',1,'accv_cache']]]
];
