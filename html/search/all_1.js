var searchData=
[
  ['before_5fbytes_0',['before_bytes',['../structaccv__cache_1_1drop__record.html#a6f5e785ea6afa5165bdd1889fab8395a',1,'accv_cache::drop_record::before_bytes()'],['../structaccv__cache_1_1drop__totals.html#a46bd2ff5ded88266d3baa3d00dc9b22f',1,'accv_cache::drop_totals::before_bytes()']]],
  ['binding_5flimit_5fbytes_1',['binding_limit_bytes',['../structaccv__cache_1_1cgroup__memory__report.html#ae632851666bb27226ac82a704e49315f',1,'accv_cache::cgroup_memory_report']]],
  ['busy_2',['busy',['../structaccv__cache_1_1kept__bytes.html#acbe5267ca8248d35d81caacd0c1d7598',1,'accv_cache::kept_bytes']]],
  ['bytes_3',['bytes',['../structaccv__cache_1_1file__progress.html#aec20135c9e9f56fa6ef1ecb2119b3b1b',1,'accv_cache::file_progress']]]
];
