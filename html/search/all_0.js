var searchData=
[
  ['accv_5fcache_0',['accv_cache',['../namespaceaccv__cache.html',1,'']]],
  ['accv_5fcache_5fversion_1',['ACCV_CACHE_VERSION',['../version_8hpp.html#a62ee5f607d6d63633d8ae0a8d03a19d8',1,'version.hpp']]],
  ['accv_5fcache_5fversion_5fmajor_2',['ACCV_CACHE_VERSION_MAJOR',['../version_8hpp.html#a0c7cbb31996dd0835dfb4fc7fc8d9bef',1,'version.hpp']]],
  ['accv_5fcache_5fversion_5fminor_3',['ACCV_CACHE_VERSION_MINOR',['../version_8hpp.html#ae54c3fde35489bdb023d3c8cd8224a3a',1,'version.hpp']]],
  ['accv_5fcache_5fversion_5fpatch_4',['ACCV_CACHE_VERSION_PATCH',['../version_8hpp.html#a79ebea019e589a9a11b3fd1f94f30302',1,'version.hpp']]],
  ['active_5ffile_5fbytes_5',['active_file_bytes',['../structaccv__cache_1_1cgroup__memory__report.html#a2d1f7b55cf785a2870960c7e0ac16dd1',1,'accv_cache::cgroup_memory_report::active_file_bytes()'],['../structaccv__cache_1_1machine__memory__report.html#acbc3f7ccc88ab2f518e139f1a3281fbf',1,'accv_cache::machine_memory_report::active_file_bytes()']]],
  ['advise_6',['ADVISE',['../namespaceaccv__cache.html#ac84d575aaa902df3cd4bb8fefd839707ae4a4cd12428c272c6e04f9a2d70a5de7',1,'accv_cache']]],
  ['after_5fbytes_7',['after_bytes',['../structaccv__cache_1_1drop__record.html#ac24641de7a4305750bf5e050b8ee4312',1,'accv_cache::drop_record']]],
  ['anon_5fbytes_8',['anon_bytes',['../structaccv__cache_1_1cgroup__memory__report.html#a02be2262d125b5d658d3c26c4b57889b',1,'accv_cache::cgroup_memory_report']]],
  ['append_9',['append',['../classaccv__cache_1_1file__report.html#a42d1cc033aef69b680062d71c5cea6ef',1,'accv_cache::file_report']]],
  ['available_5fbytes_10',['available_bytes',['../structaccv__cache_1_1machine__memory__report.html#acb6c297723ef9be718baff6c4eec9a99',1,'accv_cache::machine_memory_report']]]
];
