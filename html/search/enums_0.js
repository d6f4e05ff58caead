var searchData=
[
  ['cgroup_5fverdict_0',['cgroup_verdict',['../namespaceaccv__cache.html#a95709d9a0556c248f89924831819c334',1,'accv_cache']]]
];
