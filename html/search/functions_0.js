var searchData=
[
  ['append_0',['append',['../classaccv__cache_1_1file__report.html#a42d1cc033aef69b680062d71c5cea6ef',1,'accv_cache::file_report']]]
];
