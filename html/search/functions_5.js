var searchData=
[
  ['file_5freport_0',['file_report',['../classaccv__cache_1_1file__report.html#a6cd918223c5c1c5f4039253295d1a272',1,'accv_cache::file_report']]],
  ['free_5fafter_5fdrop_5fbytes_1',['free_after_drop_bytes',['../structaccv__cache_1_1machine__memory__report.html#a8f9b585f5fa7985a82f3b2a9876b586a',1,'accv_cache::machine_memory_report']]]
];
