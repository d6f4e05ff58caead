var searchData=
[
  ['kernel_5fmemory_0',['KERNEL_MEMORY',['../namespaceaccv__cache.html#a95709d9a0556c248f89924831819c334a0a82f36dd8aae1bac306b809c22857ec',1,'accv_cache']]]
];
