var searchData=
[
  ['verdict_0',['verdict',['../structaccv__cache_1_1cgroup__memory__report.html#a750748e62a8e51b65b697aca3af62df6',1,'accv_cache::cgroup_memory_report']]]
];
