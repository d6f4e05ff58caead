var searchData=
[
  ['shmem_5fbytes_0',['shmem_bytes',['../structaccv__cache_1_1cgroup__memory__report.html#a8acb9c7e08f0e9d31b08214c3d19d61b',1,'accv_cache::cgroup_memory_report']]],
  ['size_5fbytes_1',['size_bytes',['../structaccv__cache_1_1cache__record.html#a8e2ad3c240b091fe142e8ec8c4ad494e',1,'accv_cache::cache_record::size_bytes()'],['../structaccv__cache_1_1cache__totals.html#aa20c5c663132ceb7de8622de0e31cda2',1,'accv_cache::cache_totals::size_bytes()'],['../structaccv__cache_1_1drop__record.html#a23e3deb5d52f0b4ded7973c634f1a419',1,'accv_cache::drop_record::size_bytes()']]],
  ['source_2',['source',['../structaccv__cache_1_1cache__record.html#ad26a9dc2201326d51ee7bebd1abaeed5',1,'accv_cache::cache_record']]],
  ['spans_3',['spans',['../structaccv__cache_1_1query__options.html#a8426e627047e425d0ec93e9f573c2873',1,'accv_cache::query_options']]],
  ['start_4',['start',['../structaccv__cache_1_1resident__span.html#aa49487c7f2cf724bea83f3e9d4c28024',1,'accv_cache::resident_span']]],
  ['status_5',['status',['../structaccv__cache_1_1drop__record.html#a846dd9b6166dcf631f587bd4207ad832',1,'accv_cache::drop_record']]],
  ['stop_6',['stop',['../structaccv__cache_1_1resident__span.html#a79af32ae05265dfbaecae025892f66a9',1,'accv_cache::resident_span']]],
  ['sync_7',['sync',['../structaccv__cache_1_1drop__options.html#a171397bb3ad72beb0816acd30a311409',1,'accv_cache::drop_options']]]
];
