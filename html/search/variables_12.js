var searchData=
[
  ['workers_0',['workers',['../structaccv__cache_1_1file__options.html#ad52f16e63c3de5027f0bccb8755fd21f',1,'accv_cache::file_options']]],
  ['writeback_1',['writeback',['../structaccv__cache_1_1kept__bytes.html#a17828ef451ccb75ec0aaa0b42e5b7899',1,'accv_cache::kept_bytes']]],
  ['writeback_5fbytes_2',['writeback_bytes',['../structaccv__cache_1_1cache__record.html#aeea8899038dff0dd8e4b0cbf5bcfd02c',1,'accv_cache::cache_record::writeback_bytes()'],['../structaccv__cache_1_1cgroup__memory__report.html#ae800a0156fcdff46a9541649fc47f405',1,'accv_cache::cgroup_memory_report::writeback_bytes()']]]
];
