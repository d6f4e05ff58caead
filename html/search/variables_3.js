var searchData=
[
  ['dirty_0',['dirty',['../structaccv__cache_1_1kept__bytes.html#a126a9dd44dd4f05bfae65e0458f63e53',1,'accv_cache::kept_bytes']]],
  ['dirty_5fbytes_1',['dirty_bytes',['../structaccv__cache_1_1cache__record.html#a2772413887f08570a0016abd0511f6bf',1,'accv_cache::cache_record::dirty_bytes()'],['../structaccv__cache_1_1cgroup__memory__report.html#a1a3900cbd6fbacde7bdf499699e5e9c3',1,'accv_cache::cgroup_memory_report::dirty_bytes()'],['../structaccv__cache_1_1machine__memory__report.html#a579df2b88fa5a85deb0f84b134e8529c',1,'accv_cache::machine_memory_report::dirty_bytes()']]],
  ['done_5ffiles_2',['done_files',['../structaccv__cache_1_1file__progress.html#a112f2a7aae51060f8777449b014b71a9',1,'accv_cache::file_progress']]]
];
