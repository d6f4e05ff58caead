var searchData=
[
  ['verdict_0',['verdict',['../structaccv__cache_1_1cgroup__memory__report.html#a750748e62a8e51b65b697aca3af62df6',1,'accv_cache::cgroup_memory_report']]],
  ['version_1',['version',['../structaccv__cache_1_1cgroup__memory__report.html#a97a08674fdc184a2a02ed038025c3d30',1,'accv_cache::cgroup_memory_report']]],
  ['version_2ehpp_2',['version.hpp',['../version_8hpp.html',1,'']]]
];
