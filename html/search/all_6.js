var searchData=
[
  ['hidden_5fprocesses_0',['hidden_processes',['../structaccv__cache_1_1holders__report.html#a2d74114a732f322bea3b500be10f114f',1,'accv_cache::holders_report']]],
  ['holder_1',['holder',['../structaccv__cache_1_1holder.html',1,'accv_cache']]],
  ['holders_2',['holders',['../structaccv__cache_1_1holders__report.html#aa2bbb9b1394d2fee32ccaf8fb04e61a7',1,'accv_cache::holders_report::holders()'],['../namespaceaccv__cache.html#add4b544c7bfa1281045350b76f31d069',1,'accv_cache::holders(const std::vector&lt; std::string &gt; &amp;paths)']]],
  ['holders_5freport_3',['holders_report',['../structaccv__cache_1_1holders__report.html',1,'accv_cache']]]
];
