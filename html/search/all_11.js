var searchData=
[
  ['tmpfs_0',['TMPFS',['../namespaceaccv__cache.html#a95709d9a0556c248f89924831819c334aff2e7630a587046207a982ce22513357',1,'accv_cache']]],
  ['to_5fstring_1',['to_string',['../namespaceaccv__cache.html#acb70f7be7e7e11790e6cbec17b567d4e',1,'accv_cache']]],
  ['total_2',['total',['../structaccv__cache_1_1kept__bytes.html#aaaebc1b5db937f25c0a3cdf0ba8d15a4',1,'accv_cache::kept_bytes']]],
  ['total_5fbytes_3',['total_bytes',['../structaccv__cache_1_1machine__memory__report.html#a7a695453881e21881f046b244965ab4e',1,'accv_cache::machine_memory_report']]],
  ['total_5ffiles_4',['total_files',['../structaccv__cache_1_1file__progress.html#a901aa6950037e0e089173f7fc8198a7f',1,'accv_cache::file_progress']]],
  ['totals_5',['totals',['../classaccv__cache_1_1cache__report.html#ae7a7585c2ff3a5140afa7ebf1b354793',1,'accv_cache::cache_report::totals()'],['../classaccv__cache_1_1drop__report.html#a5a39a332dd954936b767db0f6af31d63',1,'accv_cache::drop_report::totals()']]]
];
