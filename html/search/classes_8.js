var searchData=
[
  ['skipped_5fpath_0',['skipped_path',['../structaccv__cache_1_1skipped__path.html',1,'accv_cache']]]
];
