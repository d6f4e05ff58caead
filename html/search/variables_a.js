var searchData=
[
  ['machine_5fbytes_0',['machine_bytes',['../structaccv__cache_1_1cgroup__memory__report.html#ac01826f49b39c92efbf599284ad571f7',1,'accv_cache::cgroup_memory_report']]],
  ['mapped_1',['mapped',['../structaccv__cache_1_1kept__bytes.html#a7be796e36b78c288731e903f2d07a6da',1,'accv_cache::kept_bytes']]],
  ['mapped_5fbytes_2',['mapped_bytes',['../structaccv__cache_1_1holder.html#af20f977ad29e594d65babd45881cca3a',1,'accv_cache::holder']]],
  ['max_5fsize_5fbytes_3',['max_size_bytes',['../structaccv__cache_1_1walk__options.html#a937ba1f5d616feadc41df89bed655399',1,'accv_cache::walk_options']]],
  ['measured_5fstart_4',['measured_start',['../structaccv__cache_1_1cache__record.html#a0e0fdda41a7d2e51ad78e10bec9ce86c',1,'accv_cache::cache_record']]],
  ['measured_5fstop_5',['measured_stop',['../structaccv__cache_1_1cache__record.html#a4ca0280e05308a9859fb3eefdfa485a1',1,'accv_cache::cache_record']]],
  ['memory_5ffilesystem_6',['memory_filesystem',['../structaccv__cache_1_1kept__bytes.html#a03d93ac2b710a54fd96eebe58fbc402d',1,'accv_cache::kept_bytes']]]
];
