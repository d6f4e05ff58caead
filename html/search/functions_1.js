var searchData=
[
  ['before_5fbytes_0',['before_bytes',['../structaccv__cache_1_1drop__totals.html#a46bd2ff5ded88266d3baa3d00dc9b22f',1,'accv_cache::drop_totals']]],
  ['binding_5flimit_5fbytes_1',['binding_limit_bytes',['../structaccv__cache_1_1cgroup__memory__report.html#ae632851666bb27226ac82a704e49315f',1,'accv_cache::cgroup_memory_report']]]
];
