var searchData=
[
  ['length_0',['length',['../structaccv__cache_1_1file__options.html#a48a7d8d4bd91e8c83e92cf9a3da49317',1,'accv_cache::file_options']]],
  ['limit_5fbytes_1',['limit_bytes',['../structaccv__cache_1_1cgroup__memory__report.html#a46cb878e56151916cfadc7875689c9bf',1,'accv_cache::cgroup_memory_report']]]
];
