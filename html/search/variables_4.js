var searchData=
[
  ['edge_0',['edge',['../structaccv__cache_1_1kept__bytes.html#a71243edd0d2547f4bf7aee9c530fca81',1,'accv_cache::kept_bytes']]],
  ['error_1',['error',['../structaccv__cache_1_1cache__record.html#ab5cad4ad99c862b54b6bc6dfb6b228f6',1,'accv_cache::cache_record::error()'],['../structaccv__cache_1_1drop__record.html#ac3bec628d9464e23f59dcb09ea8e1be8',1,'accv_cache::drop_record::error()'],['../structaccv__cache_1_1holders__report.html#a8cb436f9e0e986dc524e72d3006b8013',1,'accv_cache::holders_report::error()']]],
  ['evicted_5fbytes_2',['evicted_bytes',['../structaccv__cache_1_1cache__record.html#a43fec2b0cc5ec6b514ed61811bca35a4',1,'accv_cache::cache_record']]],
  ['exclude_3',['exclude',['../structaccv__cache_1_1walk__options.html#a26d7d714bc87b3ae85c9e949b6c5697b',1,'accv_cache::walk_options']]]
];
