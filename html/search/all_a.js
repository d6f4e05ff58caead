var searchData=
[
  ['machine_5fbytes_0',['machine_bytes',['../structaccv__cache_1_1cgroup__memory__report.html#ac01826f49b39c92efbf599284ad571f7',1,'accv_cache::cgroup_memory_report']]],
  ['machine_5fmemory_1',['machine_memory',['../namespaceaccv__cache.html#aba4b242ad1d33a3245bfa44e0ab3649b',1,'accv_cache']]],
  ['machine_5fmemory_5freport_2',['machine_memory_report',['../structaccv__cache_1_1machine__memory__report.html',1,'accv_cache']]],
  ['mapped_3',['mapped',['../structaccv__cache_1_1kept__bytes.html#a7be796e36b78c288731e903f2d07a6da',1,'accv_cache::kept_bytes']]],
  ['mapped_5fbytes_4',['mapped_bytes',['../structaccv__cache_1_1holder.html#af20f977ad29e594d65babd45881cca3a',1,'accv_cache::holder']]],
  ['max_5fsize_5fbytes_5',['max_size_bytes',['../structaccv__cache_1_1walk__options.html#a937ba1f5d616feadc41df89bed655399',1,'accv_cache::walk_options']]],
  ['measure_6',['MEASURE',['../namespaceaccv__cache.html#ac84d575aaa902df3cd4bb8fefd839707a84e4213ee54478574ea15a166ea10152',1,'accv_cache']]],
  ['measured_5fstart_7',['measured_start',['../structaccv__cache_1_1cache__record.html#a0e0fdda41a7d2e51ad78e10bec9ce86c',1,'accv_cache::cache_record']]],
  ['measured_5fstop_8',['measured_stop',['../structaccv__cache_1_1cache__record.html#a4ca0280e05308a9859fb3eefdfa485a1',1,'accv_cache::cache_record']]],
  ['memory_5ffilesystem_9',['memory_filesystem',['../structaccv__cache_1_1kept__bytes.html#a03d93ac2b710a54fd96eebe58fbc402d',1,'accv_cache::kept_bytes']]],
  ['memory_5flimit_10',['memory_limit',['../namespaceaccv__cache.html#a148ec03b6a8ad8210487d4b409c7adda',1,'accv_cache']]],
  ['mincore_11',['MINCORE',['../namespaceaccv__cache.html#aa7f0b952bc3860bfedfd92187e6b767dad85ceede41130eae73b7fb64f1e45344',1,'accv_cache']]],
  ['most_5fof_5fworking_5fset_12',['most_of_working_set',['../structaccv__cache_1_1cgroup__memory__report.html#af14804336d76034e31c9aee8b4dddcc7',1,'accv_cache::cgroup_memory_report']]]
];
