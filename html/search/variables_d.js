var searchData=
[
  ['reason_0',['reason',['../structaccv__cache_1_1skipped__path.html#acbdbbd49b35db3558f97c121b6caee39',1,'accv_cache::skipped_path']]],
  ['recently_5fevicted_5fbytes_1',['recently_evicted_bytes',['../structaccv__cache_1_1cache__record.html#aa6b0369c409220ad3e7f99df39cec627',1,'accv_cache::cache_record']]],
  ['recursive_2',['recursive',['../structaccv__cache_1_1walk__options.html#a4464ed5e89652129066c5bbe81fce9df',1,'accv_cache::walk_options']]],
  ['resident_5fbytes_3',['resident_bytes',['../structaccv__cache_1_1cache__record.html#aa3626a84c2590b4f03cbe2982be59895',1,'accv_cache::cache_record']]]
];
