var searchData=
[
  ['before_5fbytes_0',['before_bytes',['../structaccv__cache_1_1drop__record.html#a6f5e785ea6afa5165bdd1889fab8395a',1,'accv_cache::drop_record']]],
  ['busy_1',['busy',['../structaccv__cache_1_1kept__bytes.html#acbe5267ca8248d35d81caacd0c1d7598',1,'accv_cache::kept_bytes']]],
  ['bytes_2',['bytes',['../structaccv__cache_1_1file__progress.html#aec20135c9e9f56fa6ef1ecb2119b3b1b',1,'accv_cache::file_progress']]]
];
