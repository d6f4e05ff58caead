var searchData=
[
  ['path_0',['path',['../classaccv__cache_1_1file__report.html#a7e746af6c43088e0acc6992ce4acd1ce',1,'accv_cache::file_report']]]
];
