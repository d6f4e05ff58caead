var searchData=
[
  ['walk_5foptions_0',['walk_options',['../structaccv__cache_1_1walk__options.html',1,'accv_cache']]],
  ['workers_1',['workers',['../structaccv__cache_1_1file__options.html#ad52f16e63c3de5027f0bccb8755fd21f',1,'accv_cache::file_options']]],
  ['working_5fset_5fbytes_2',['working_set_bytes',['../structaccv__cache_1_1cgroup__memory__report.html#a3b79b166f86525721a9a225ceb0a84e5',1,'accv_cache::cgroup_memory_report']]],
  ['write_5fback_3',['WRITE_BACK',['../namespaceaccv__cache.html#ac84d575aaa902df3cd4bb8fefd839707a62b070c7046d62c52574b9460e5c7d21',1,'accv_cache']]],
  ['writeback_4',['writeback',['../structaccv__cache_1_1kept__bytes.html#a17828ef451ccb75ec0aaa0b42e5b7899',1,'accv_cache::kept_bytes']]],
  ['writeback_5fbytes_5',['writeback_bytes',['../structaccv__cache_1_1cache__record.html#aeea8899038dff0dd8e4b0cbf5bcfd02c',1,'accv_cache::cache_record::writeback_bytes()'],['../structaccv__cache_1_1cgroup__memory__report.html#ae800a0156fcdff46a9541649fc47f405',1,'accv_cache::cgroup_memory_report::writeback_bytes()'],['../structaccv__cache_1_1cache__totals.html#a92c03a6ba1f46b9b5838e2e6bde6b98e',1,'accv_cache::cache_totals::writeback_bytes()']]]
];
