var searchData=
[
  ['machine_5fmemory_0',['machine_memory',['../namespaceaccv__cache.html#aba4b242ad1d33a3245bfa44e0ab3649b',1,'accv_cache']]],
  ['memory_5flimit_1',['memory_limit',['../namespaceaccv__cache.html#a148ec03b6a8ad8210487d4b409c7adda',1,'accv_cache']]],
  ['most_5fof_5fworking_5fset_2',['most_of_working_set',['../structaccv__cache_1_1cgroup__memory__report.html#af14804336d76034e31c9aee8b4dddcc7',1,'accv_cache::cgroup_memory_report']]]
];
