var searchData=
[
  ['machine_5fmemory_5freport_0',['machine_memory_report',['../structaccv__cache_1_1machine__memory__report.html',1,'accv_cache']]]
];
