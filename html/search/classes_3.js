var searchData=
[
  ['holder_0',['holder',['../structaccv__cache_1_1holder.html',1,'accv_cache']]],
  ['holders_5freport_1',['holders_report',['../structaccv__cache_1_1holders__report.html',1,'accv_cache']]]
];
