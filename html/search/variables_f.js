var searchData=
[
  ['total_5fbytes_0',['total_bytes',['../structaccv__cache_1_1machine__memory__report.html#a7a695453881e21881f046b244965ab4e',1,'accv_cache::machine_memory_report']]],
  ['total_5ffiles_1',['total_files',['../structaccv__cache_1_1file__progress.html#a901aa6950037e0e089173f7fc8198a7f',1,'accv_cache::file_progress']]]
];
