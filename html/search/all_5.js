var searchData=
[
  ['fadvise_5ffailed_0',['FADVISE_FAILED',['../namespaceaccv__cache.html#ada3eda3a3c4287593feeab1a3557a117a87525945287d64219c566ead476be107',1,'accv_cache']]],
  ['fail_5ffast_1',['fail_fast',['../structaccv__cache_1_1drop__options.html#a85c7b144db9d0b0f1ed3d1c65a16ab92',1,'accv_cache::drop_options']]],
  ['failed_2',['failed',['../structaccv__cache_1_1cache__record.html#ad00208fda8fb81f0e17ddc6af79aa75d',1,'accv_cache::cache_record::failed()'],['../structaccv__cache_1_1drop__record.html#a93b4edcfa02eba084b134f07e97bfa7c',1,'accv_cache::drop_record::failed()']]],
  ['failed_5ffiles_3',['failed_files',['../structaccv__cache_1_1cache__totals.html#a3fe84ad3fd217eb0cd42b2156a4cf445',1,'accv_cache::cache_totals::failed_files()'],['../structaccv__cache_1_1drop__totals.html#a9f7f2697584be0cbea47529adcb25f5f',1,'accv_cache::drop_totals::failed_files()']]],
  ['failed_5fstep_4',['failed_step',['../namespaceaccv__cache.html#ac84d575aaa902df3cd4bb8fefd839707',1,'accv_cache']]],
  ['file_5',['file',['../structaccv__cache_1_1holder.html#a523710c2368a73b0fba115fbc11c1488',1,'accv_cache::holder']]],
  ['file_5fbytes_6',['file_bytes',['../structaccv__cache_1_1cgroup__memory__report.html#a28fd14a52a984a505c5dee6d2b34c9d6',1,'accv_cache::cgroup_memory_report']]],
  ['file_5fopen_5ffailed_7',['FILE_OPEN_FAILED',['../namespaceaccv__cache.html#ada3eda3a3c4287593feeab1a3557a117afb170ffea05221be6d4e256c6a5b0266',1,'accv_cache']]],
  ['file_5foptions_8',['file_options',['../structaccv__cache_1_1file__options.html',1,'accv_cache']]],
  ['file_5fprogress_9',['file_progress',['../structaccv__cache_1_1file__progress.html',1,'accv_cache']]],
  ['file_5freport_10',['file_report',['../classaccv__cache_1_1file__report.html',1,'accv_cache::file_report&lt; Record &gt;'],['../classaccv__cache_1_1file__report.html#a6cd918223c5c1c5f4039253295d1a272',1,'accv_cache::file_report::file_report()']]],
  ['file_5freport_3c_20cache_5frecord_20_3e_11',['file_report&lt; cache_record &gt;',['../classaccv__cache_1_1file__report.html',1,'accv_cache']]],
  ['file_5freport_3c_20drop_5frecord_20_3e_12',['file_report&lt; drop_record &gt;',['../classaccv__cache_1_1file__report.html',1,'accv_cache']]],
  ['files_13',['files',['../structaccv__cache_1_1cache__totals.html#a8d7baa28397f81214bf93ed773337e94',1,'accv_cache::cache_totals::files()'],['../structaccv__cache_1_1drop__totals.html#a78c9434a2f55584e4906388192e603f4',1,'accv_cache::drop_totals::files()']]],
  ['follow_5fsymlinks_14',['follow_symlinks',['../structaccv__cache_1_1walk__options.html#a4cf337cce9d2597a937af1b101bc5d0c',1,'accv_cache::walk_options']]],
  ['free_5fafter_5fdrop_5fbytes_15',['free_after_drop_bytes',['../structaccv__cache_1_1machine__memory__report.html#a8f9b585f5fa7985a82f3b2a9876b586a',1,'accv_cache::machine_memory_report']]],
  ['free_5fbytes_16',['free_bytes',['../structaccv__cache_1_1machine__memory__report.html#a3c2f784e83b6c339d8c3115de9fe6fe5',1,'accv_cache::machine_memory_report']]]
];
