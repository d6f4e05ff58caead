var searchData=
[
  ['edge_0',['edge',['../structaccv__cache_1_1kept__bytes.html#a71243edd0d2547f4bf7aee9c530fca81',1,'accv_cache::kept_bytes']]],
  ['empty_1',['empty',['../classaccv__cache_1_1file__report.html#a5bd604b58764c7e7b8e43b87c4985a7d',1,'accv_cache::file_report']]],
  ['error_2',['error',['../structaccv__cache_1_1cache__record.html#ab5cad4ad99c862b54b6bc6dfb6b228f6',1,'accv_cache::cache_record::error()'],['../structaccv__cache_1_1drop__record.html#ac3bec628d9464e23f59dcb09ea8e1be8',1,'accv_cache::drop_record::error()'],['../structaccv__cache_1_1holders__report.html#a8cb436f9e0e986dc524e72d3006b8013',1,'accv_cache::holders_report::error()']]],
  ['evictable_5fbytes_3',['evictable_bytes',['../structaccv__cache_1_1cgroup__memory__report.html#ace7793e38e5670edd40405ecb125d499',1,'accv_cache::cgroup_memory_report::evictable_bytes()'],['../structaccv__cache_1_1machine__memory__report.html#ab006e9586af3c82d7ca86e42259eecdc',1,'accv_cache::machine_memory_report::evictable_bytes()']]],
  ['evicted_5fbytes_4',['evicted_bytes',['../structaccv__cache_1_1cache__record.html#a43fec2b0cc5ec6b514ed61811bca35a4',1,'accv_cache::cache_record::evicted_bytes()'],['../structaccv__cache_1_1cache__totals.html#a925acae41de7c94bf55d605e6b4c8781',1,'accv_cache::cache_totals::evicted_bytes()'],['../structaccv__cache_1_1drop__totals.html#a0234319dfba9e789f48adfd4220f0b77',1,'accv_cache::drop_totals::evicted_bytes()']]],
  ['exclude_5',['exclude',['../structaccv__cache_1_1walk__options.html#a26d7d714bc87b3ae85c9e949b6c5697b',1,'accv_cache::walk_options']]]
];
