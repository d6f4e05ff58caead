var searchData=
[
  ['size_0',['size',['../classaccv__cache_1_1file__report.html#aa1f919ab65ae52edbe7628bb3c6a6681',1,'accv_cache::file_report']]],
  ['skipped_1',['skipped',['../classaccv__cache_1_1file__report.html#a709a30720cd351c1a32d812ca68d7f43',1,'accv_cache::file_report']]],
  ['spans_2',['spans',['../classaccv__cache_1_1cache__report.html#a1f09686e6edf3481f377c8604f602076',1,'accv_cache::cache_report']]],
  ['status_3',['status',['../classaccv__cache_1_1drop__report.html#ad49882ade8b1ad820d0ab0cfcea4306c',1,'accv_cache::drop_report']]],
  ['stopped_4',['stopped',['../classaccv__cache_1_1file__report.html#abd43104e207dcf15d84d150e6a6a0c85',1,'accv_cache::file_report']]]
];
