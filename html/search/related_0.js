var searchData=
[
  ['operator_2b_0',['operator+',['../classaccv__cache_1_1cache__report.html#aa909b0e2c88648e7b735c62677866946',1,'accv_cache::cache_report::operator+()'],['../classaccv__cache_1_1drop__report.html#ab04be6ecf68a7aa2d89000d7278c1a18',1,'accv_cache::drop_report::operator+()']]]
];
