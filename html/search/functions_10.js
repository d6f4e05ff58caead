var searchData=
[
  ['working_5fset_5fbytes_0',['working_set_bytes',['../structaccv__cache_1_1cgroup__memory__report.html#a3b79b166f86525721a9a225ceb0a84e5',1,'accv_cache::cgroup_memory_report']]],
  ['writeback_5fbytes_1',['writeback_bytes',['../structaccv__cache_1_1cache__totals.html#a92c03a6ba1f46b9b5838e2e6bde6b98e',1,'accv_cache::cache_totals']]]
];
