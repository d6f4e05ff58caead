var searchData=
[
  ['offset_0',['offset',['../structaccv__cache_1_1file__options.html#a03139f680a95a21ff39d049154cc3d4f',1,'accv_cache::file_options']]],
  ['open_1',['open',['../structaccv__cache_1_1holder.html#a59db8a5d290e2c95b41777a3e1a84149',1,'accv_cache::holder']]]
];
