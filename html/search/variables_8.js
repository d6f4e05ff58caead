var searchData=
[
  ['kept_0',['kept',['../structaccv__cache_1_1drop__record.html#ac53eb8f3b21e1d3562545c7b539fbfe0',1,'accv_cache::drop_record::kept()'],['../structaccv__cache_1_1drop__totals.html#a1582b90b6d651557c70fc59d4362db09',1,'accv_cache::drop_totals::kept()']]],
  ['kernel_5fbytes_1',['kernel_bytes',['../structaccv__cache_1_1cgroup__memory__report.html#a72daaa9467e241c4007c33d2babfd171',1,'accv_cache::cgroup_memory_report']]],
  ['known_5fbefore_5fbytes_2',['known_before_bytes',['../structaccv__cache_1_1drop__totals.html#a6a36d05948c2f01000b843c694df9bc9',1,'accv_cache::drop_totals']]],
  ['known_5fdirty_5fbytes_3',['known_dirty_bytes',['../structaccv__cache_1_1cache__totals.html#a88de4208c258bcded1010a6a87531107',1,'accv_cache::cache_totals']]],
  ['known_5fevicted_5fbytes_4',['known_evicted_bytes',['../structaccv__cache_1_1cache__totals.html#a93c7defd65265dfaadb65fb55e27aadc',1,'accv_cache::cache_totals']]],
  ['known_5frecently_5fevicted_5fbytes_5',['known_recently_evicted_bytes',['../structaccv__cache_1_1cache__totals.html#a73bb11eb845241293052ce0ca8d27c2e',1,'accv_cache::cache_totals']]],
  ['known_5fresident_5fbytes_6',['known_resident_bytes',['../structaccv__cache_1_1cache__totals.html#aad3e87817056bd780d9ea031cb876a7c',1,'accv_cache::cache_totals::known_resident_bytes()'],['../structaccv__cache_1_1drop__totals.html#a1ae8f9a5cfafb49fa34477a457535047',1,'accv_cache::drop_totals::known_resident_bytes()']]],
  ['known_5fwriteback_5fbytes_7',['known_writeback_bytes',['../structaccv__cache_1_1cache__totals.html#a965006fd649760e5e41b1fef585aa601',1,'accv_cache::cache_totals']]]
];
