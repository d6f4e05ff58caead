var searchData=
[
  ['reason_0',['reason',['../structaccv__cache_1_1skipped__path.html#acbdbbd49b35db3558f97c121b6caee39',1,'accv_cache::skipped_path']]],
  ['recently_5fevicted_5fbytes_1',['recently_evicted_bytes',['../structaccv__cache_1_1cache__record.html#aa6b0369c409220ad3e7f99df39cec627',1,'accv_cache::cache_record::recently_evicted_bytes()'],['../structaccv__cache_1_1cache__totals.html#a17816346835a004b17a97b6bad0775ab',1,'accv_cache::cache_totals::recently_evicted_bytes()']]],
  ['records_2',['records',['../classaccv__cache_1_1file__report.html#a89634af79c03684889c308c112fc3e19',1,'accv_cache::file_report']]],
  ['recursive_3',['recursive',['../structaccv__cache_1_1walk__options.html#a4464ed5e89652129066c5bbe81fce9df',1,'accv_cache::walk_options']]],
  ['residency_5fsource_4',['residency_source',['../namespaceaccv__cache.html#aa7f0b952bc3860bfedfd92187e6b767d',1,'accv_cache']]],
  ['resident_5fbytes_5',['resident_bytes',['../structaccv__cache_1_1cache__record.html#aa3626a84c2590b4f03cbe2982be59895',1,'accv_cache::cache_record::resident_bytes()'],['../structaccv__cache_1_1cache__totals.html#a3b8b015c6065d02410b1d9d956478352',1,'accv_cache::cache_totals::resident_bytes()'],['../structaccv__cache_1_1drop__totals.html#adb0c09efa3ca9fa851d2b8702649cf83',1,'accv_cache::drop_totals::resident_bytes()']]],
  ['resident_5fspan_6',['resident_span',['../structaccv__cache_1_1resident__span.html',1,'accv_cache']]],
  ['resident_5fspans_7',['resident_spans',['../namespaceaccv__cache.html#a74f50a6e1ff04d32274f55c132288081',1,'accv_cache']]]
];
