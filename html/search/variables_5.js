var searchData=
[
  ['fail_5ffast_0',['fail_fast',['../structaccv__cache_1_1drop__options.html#a85c7b144db9d0b0f1ed3d1c65a16ab92',1,'accv_cache::drop_options']]],
  ['failed_1',['failed',['../structaccv__cache_1_1cache__record.html#ad00208fda8fb81f0e17ddc6af79aa75d',1,'accv_cache::cache_record::failed()'],['../structaccv__cache_1_1drop__record.html#a93b4edcfa02eba084b134f07e97bfa7c',1,'accv_cache::drop_record::failed()']]],
  ['failed_5ffiles_2',['failed_files',['../structaccv__cache_1_1cache__totals.html#a3fe84ad3fd217eb0cd42b2156a4cf445',1,'accv_cache::cache_totals::failed_files()'],['../structaccv__cache_1_1drop__totals.html#a9f7f2697584be0cbea47529adcb25f5f',1,'accv_cache::drop_totals::failed_files()']]],
  ['file_3',['file',['../structaccv__cache_1_1holder.html#a523710c2368a73b0fba115fbc11c1488',1,'accv_cache::holder']]],
  ['file_5fbytes_4',['file_bytes',['../structaccv__cache_1_1cgroup__memory__report.html#a28fd14a52a984a505c5dee6d2b34c9d6',1,'accv_cache::cgroup_memory_report']]],
  ['files_5',['files',['../structaccv__cache_1_1cache__totals.html#a8d7baa28397f81214bf93ed773337e94',1,'accv_cache::cache_totals::files()'],['../structaccv__cache_1_1drop__totals.html#a78c9434a2f55584e4906388192e603f4',1,'accv_cache::drop_totals::files()']]],
  ['follow_5fsymlinks_6',['follow_symlinks',['../structaccv__cache_1_1walk__options.html#a4cf337cce9d2597a937af1b101bc5d0c',1,'accv_cache::walk_options']]],
  ['free_5fbytes_7',['free_bytes',['../structaccv__cache_1_1machine__memory__report.html#a3c2f784e83b6c339d8c3115de9fe6fe5',1,'accv_cache::machine_memory_report']]]
];
