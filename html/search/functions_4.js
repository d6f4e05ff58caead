var searchData=
[
  ['empty_0',['empty',['../classaccv__cache_1_1file__report.html#a5bd604b58764c7e7b8e43b87c4985a7d',1,'accv_cache::file_report']]],
  ['evictable_5fbytes_1',['evictable_bytes',['../structaccv__cache_1_1cgroup__memory__report.html#ace7793e38e5670edd40405ecb125d499',1,'accv_cache::cgroup_memory_report::evictable_bytes()'],['../structaccv__cache_1_1machine__memory__report.html#ab006e9586af3c82d7ca86e42259eecdc',1,'accv_cache::machine_memory_report::evictable_bytes()']]],
  ['evicted_5fbytes_2',['evicted_bytes',['../structaccv__cache_1_1cache__totals.html#a925acae41de7c94bf55d605e6b4c8781',1,'accv_cache::cache_totals::evicted_bytes()'],['../structaccv__cache_1_1drop__totals.html#a0234319dfba9e789f48adfd4220f0b77',1,'accv_cache::drop_totals::evicted_bytes()']]]
];
