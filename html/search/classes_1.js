var searchData=
[
  ['drop_5foptions_0',['drop_options',['../structaccv__cache_1_1drop__options.html',1,'accv_cache']]],
  ['drop_5frecord_1',['drop_record',['../structaccv__cache_1_1drop__record.html',1,'accv_cache']]],
  ['drop_5freport_2',['drop_report',['../classaccv__cache_1_1drop__report.html',1,'accv_cache']]],
  ['drop_5ftotals_3',['drop_totals',['../structaccv__cache_1_1drop__totals.html',1,'accv_cache']]]
];
