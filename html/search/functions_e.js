var searchData=
[
  ['to_5fstring_0',['to_string',['../namespaceaccv__cache.html#acb70f7be7e7e11790e6cbec17b567d4e',1,'accv_cache']]],
  ['total_1',['total',['../structaccv__cache_1_1kept__bytes.html#aaaebc1b5db937f25c0a3cdf0ba8d15a4',1,'accv_cache::kept_bytes']]],
  ['totals_2',['totals',['../classaccv__cache_1_1cache__report.html#ae7a7585c2ff3a5140afa7ebf1b354793',1,'accv_cache::cache_report::totals()'],['../classaccv__cache_1_1drop__report.html#a5a39a332dd954936b767db0f6af31d63',1,'accv_cache::drop_report::totals()']]]
];
