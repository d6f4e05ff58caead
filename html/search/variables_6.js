var searchData=
[
  ['hidden_5fprocesses_0',['hidden_processes',['../structaccv__cache_1_1holders__report.html#a2d74114a732f322bea3b500be10f114f',1,'accv_cache::holders_report']]],
  ['holders_1',['holders',['../structaccv__cache_1_1holders__report.html#aa2bbb9b1394d2fee32ccaf8fb04e61a7',1,'accv_cache::holders_report']]]
];
