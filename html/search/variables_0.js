var searchData=
[
  ['active_5ffile_5fbytes_0',['active_file_bytes',['../structaccv__cache_1_1cgroup__memory__report.html#a2d1f7b55cf785a2870960c7e0ac16dd1',1,'accv_cache::cgroup_memory_report::active_file_bytes()'],['../structaccv__cache_1_1machine__memory__report.html#acbc3f7ccc88ab2f518e139f1a3281fbf',1,'accv_cache::machine_memory_report::active_file_bytes()']]],
  ['after_5fbytes_1',['after_bytes',['../structaccv__cache_1_1drop__record.html#ac24641de7a4305750bf5e050b8ee4312',1,'accv_cache::drop_record']]],
  ['anon_5fbytes_2',['anon_bytes',['../structaccv__cache_1_1cgroup__memory__report.html#a02be2262d125b5d658d3c26c4b57889b',1,'accv_cache::cgroup_memory_report']]],
  ['available_5fbytes_3',['available_bytes',['../structaccv__cache_1_1machine__memory__report.html#acb6c297723ef9be718baff6c4eec9a99',1,'accv_cache::machine_memory_report']]]
];
