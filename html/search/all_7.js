var searchData=
[
  ['inactive_5ffile_5fbytes_0',['inactive_file_bytes',['../structaccv__cache_1_1cgroup__memory__report.html#a90aabf677546ca653297395a857c4082',1,'accv_cache::cgroup_memory_report::inactive_file_bytes()'],['../structaccv__cache_1_1machine__memory__report.html#afa2f6b32bf62e898702d0893e0d7192d',1,'accv_cache::machine_memory_report::inactive_file_bytes()']]],
  ['include_1',['include',['../structaccv__cache_1_1walk__options.html#abbd452ced2f74894ab1eb5b253797b86',1,'accv_cache::walk_options']]]
];
