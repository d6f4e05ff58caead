var searchData=
[
  ['ok_0',['ok',['../classaccv__cache_1_1cache__report.html#a413822f0f156e5f127df09881d9b261b',1,'accv_cache::cache_report::ok()'],['../classaccv__cache_1_1drop__report.html#acf6d68ab2a82f85c6fef1439fc6b4237',1,'accv_cache::drop_report::ok()']]],
  ['operator_2b_3d_1',['operator+=',['../classaccv__cache_1_1cache__report.html#a4e59e999c68ac335fa93bfcdbfb8864e',1,'accv_cache::cache_report::operator+=()'],['../structaccv__cache_1_1kept__bytes.html#a002e64a55e5671f142dccd94dec2e98a',1,'accv_cache::kept_bytes::operator+=()'],['../classaccv__cache_1_1drop__report.html#a4d270278dff4e3553d11c470fb845499',1,'accv_cache::drop_report::operator+=()']]],
  ['operator_5b_5d_2',['operator[]',['../classaccv__cache_1_1file__report.html#a9e57609c8ec24040e1d28a0e852a723c',1,'accv_cache::file_report']]],
  ['other_5fbytes_3',['other_bytes',['../structaccv__cache_1_1cgroup__memory__report.html#a213e504803ec6b5a4a580066b0a7ab47',1,'accv_cache::cgroup_memory_report']]]
];
