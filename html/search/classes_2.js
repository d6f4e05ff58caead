var searchData=
[
  ['file_5foptions_0',['file_options',['../structaccv__cache_1_1file__options.html',1,'accv_cache']]],
  ['file_5fprogress_1',['file_progress',['../structaccv__cache_1_1file__progress.html',1,'accv_cache']]],
  ['file_5freport_2',['file_report',['../classaccv__cache_1_1file__report.html',1,'accv_cache']]],
  ['file_5freport_3c_20cache_5frecord_20_3e_3',['file_report&lt; cache_record &gt;',['../classaccv__cache_1_1file__report.html',1,'accv_cache']]],
  ['file_5freport_3c_20drop_5frecord_20_3e_4',['file_report&lt; drop_record &gt;',['../classaccv__cache_1_1file__report.html',1,'accv_cache']]]
];
