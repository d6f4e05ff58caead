var searchData=
[
  ['path_0',['path',['../structaccv__cache_1_1cgroup__memory__report.html#aee4072e87302267f5c913f65d4deb22b',1,'accv_cache::cgroup_memory_report::path()'],['../structaccv__cache_1_1skipped__path.html#a10f0d55b0a4ff8f09c4e27b624cbaa26',1,'accv_cache::skipped_path::path()']]],
  ['process_1',['process',['../structaccv__cache_1_1holder.html#a4324be1c8445cf9ca989bdc4608a8946',1,'accv_cache::holder']]],
  ['progress_2',['progress',['../structaccv__cache_1_1file__options.html#a9c9f4f4c9424d595b2c3b85b7faf0fc2',1,'accv_cache::file_options']]]
];
