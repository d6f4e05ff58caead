var searchData=
[
  ['recently_5fevicted_5fbytes_0',['recently_evicted_bytes',['../structaccv__cache_1_1cache__totals.html#a17816346835a004b17a97b6bad0775ab',1,'accv_cache::cache_totals']]],
  ['records_1',['records',['../classaccv__cache_1_1file__report.html#a89634af79c03684889c308c112fc3e19',1,'accv_cache::file_report']]],
  ['resident_5fbytes_2',['resident_bytes',['../structaccv__cache_1_1cache__totals.html#a3b8b015c6065d02410b1d9d956478352',1,'accv_cache::cache_totals::resident_bytes()'],['../structaccv__cache_1_1drop__totals.html#adb0c09efa3ca9fa851d2b8702649cf83',1,'accv_cache::drop_totals::resident_bytes()']]]
];
