var searchData=
[
  ['version_0',['version',['../structaccv__cache_1_1cgroup__memory__report.html#a97a08674fdc184a2a02ed038025c3d30',1,'accv_cache::cgroup_memory_report']]]
];
