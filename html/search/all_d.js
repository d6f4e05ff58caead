var searchData=
[
  ['page_5fcache_0',['PAGE_CACHE',['../namespaceaccv__cache.html#a95709d9a0556c248f89924831819c334aef56d5d9754401ef83f01614203fae49',1,'accv_cache']]],
  ['path_1',['path',['../structaccv__cache_1_1cgroup__memory__report.html#aee4072e87302267f5c913f65d4deb22b',1,'accv_cache::cgroup_memory_report::path()'],['../structaccv__cache_1_1skipped__path.html#a10f0d55b0a4ff8f09c4e27b624cbaa26',1,'accv_cache::skipped_path::path()'],['../classaccv__cache_1_1file__report.html#a7e746af6c43088e0acc6992ce4acd1ce',1,'accv_cache::file_report::path()']]],
  ['platform_5ferror_2',['PLATFORM_ERROR',['../namespaceaccv__cache.html#ada3eda3a3c4287593feeab1a3557a117a155d48028d2f38dead5197570a098fed',1,'accv_cache']]],
  ['process_3',['process',['../structaccv__cache_1_1holder.html#a4324be1c8445cf9ca989bdc4608a8946',1,'accv_cache::holder']]],
  ['progress_4',['progress',['../structaccv__cache_1_1file__options.html#a9c9f4f4c9424d595b2c3b85b7faf0fc2',1,'accv_cache::file_options']]]
];
