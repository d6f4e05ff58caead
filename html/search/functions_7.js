var searchData=
[
  ['known_5fevicted_5fbytes_0',['known_evicted_bytes',['../structaccv__cache_1_1drop__totals.html#a3e023235460809c93f52e5751ad0953d',1,'accv_cache::drop_totals']]]
];
