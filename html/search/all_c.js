var searchData=
[
  ['offset_0',['offset',['../structaccv__cache_1_1file__options.html#a03139f680a95a21ff39d049154cc3d4f',1,'accv_cache::file_options']]],
  ['ok_1',['ok',['../classaccv__cache_1_1cache__report.html#a413822f0f156e5f127df09881d9b261b',1,'accv_cache::cache_report::ok()'],['../classaccv__cache_1_1drop__report.html#acf6d68ab2a82f85c6fef1439fc6b4237',1,'accv_cache::drop_report::ok()']]],
  ['open_2',['open',['../structaccv__cache_1_1holder.html#a59db8a5d290e2c95b41777a3e1a84149',1,'accv_cache::holder']]],
  ['open_3',['OPEN',['../namespaceaccv__cache.html#ac84d575aaa902df3cd4bb8fefd839707aa38bd5138bf35514df41a1795ebbf5c3',1,'accv_cache']]],
  ['operator_2b_4',['operator+',['../classaccv__cache_1_1cache__report.html#aa909b0e2c88648e7b735c62677866946',1,'accv_cache::cache_report::operator+()'],['../classaccv__cache_1_1drop__report.html#ab04be6ecf68a7aa2d89000d7278c1a18',1,'accv_cache::drop_report::operator+()']]],
  ['operator_2b_3d_5',['operator+=',['../classaccv__cache_1_1cache__report.html#a4e59e999c68ac335fa93bfcdbfb8864e',1,'accv_cache::cache_report::operator+=()'],['../structaccv__cache_1_1kept__bytes.html#a002e64a55e5671f142dccd94dec2e98a',1,'accv_cache::kept_bytes::operator+=()'],['../classaccv__cache_1_1drop__report.html#a4d270278dff4e3553d11c470fb845499',1,'accv_cache::drop_report::operator+=()']]],
  ['operator_5b_5d_6',['operator[]',['../classaccv__cache_1_1file__report.html#a9e57609c8ec24040e1d28a0e852a723c',1,'accv_cache::file_report']]],
  ['other_5fbytes_7',['other_bytes',['../structaccv__cache_1_1cgroup__memory__report.html#a213e504803ec6b5a4a580066b0a7ab47',1,'accv_cache::cgroup_memory_report']]],
  ['other_5ffile_5fsystem_8',['OTHER_FILE_SYSTEM',['../namespaceaccv__cache.html#a8803a8544828ac9563d771b6ca4cfba6af52fd80b44208cea7538a0d01564795d',1,'accv_cache']]],
  ['own_5fmemory_9',['OWN_MEMORY',['../namespaceaccv__cache.html#a95709d9a0556c248f89924831819c334ad219f48718198b07957ffed8565f0075',1,'accv_cache']]]
];
