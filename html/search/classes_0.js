var searchData=
[
  ['cache_5frecord_0',['cache_record',['../structaccv__cache_1_1cache__record.html',1,'accv_cache']]],
  ['cache_5freport_1',['cache_report',['../classaccv__cache_1_1cache__report.html',1,'accv_cache']]],
  ['cache_5ftotals_2',['cache_totals',['../structaccv__cache_1_1cache__totals.html',1,'accv_cache']]],
  ['cgroup_5fmemory_5freport_3',['cgroup_memory_report',['../structaccv__cache_1_1cgroup__memory__report.html',1,'accv_cache']]]
];
