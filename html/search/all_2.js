var searchData=
[
  ['cache_5frecord_0',['cache_record',['../structaccv__cache_1_1cache__record.html',1,'accv_cache']]],
  ['cache_5freport_1',['cache_report',['../classaccv__cache_1_1cache__report.html',1,'accv_cache::cache_report'],['../classaccv__cache_1_1cache__report.html#a6d7f4ba2a3b05179ef5c9f61d95a6b52',1,'accv_cache::cache_report::cache_report()=default'],['../classaccv__cache_1_1cache__report.html#a7c25585c1fa1dd74d7896e10ccba1099',1,'accv_cache::cache_report::cache_report(detail::path_list paths, std::vector&lt; cache_record &gt; records, std::vector&lt; skipped_path &gt; skipped, bool stopped, std::vector&lt; resident_spans &gt; spans={})']]],
  ['cache_5ftotals_2',['cache_totals',['../structaccv__cache_1_1cache__totals.html',1,'accv_cache']]],
  ['cachestat_3',['CACHESTAT',['../namespaceaccv__cache.html#aa7f0b952bc3860bfedfd92187e6b767da37b1619fb08e4c9aa5905163886ccafe',1,'accv_cache']]],
  ['cgroup_5fmemory_4',['cgroup_memory',['../namespaceaccv__cache.html#a3f71137d19a2daec5a2cd5c32314e97c',1,'accv_cache::cgroup_memory()'],['../namespaceaccv__cache.html#ab2b6ccd985916fae0dc714436220b47b',1,'accv_cache::cgroup_memory(int process)'],['../namespaceaccv__cache.html#adbc04a219429d7adaaa3b6b8856c2a6f',1,'accv_cache::cgroup_memory(const std::string &amp;path)']]],
  ['cgroup_5fmemory_5freport_5',['cgroup_memory_report',['../structaccv__cache_1_1cgroup__memory__report.html',1,'accv_cache']]],
  ['cgroup_5fverdict_6',['cgroup_verdict',['../namespaceaccv__cache.html#a95709d9a0556c248f89924831819c334',1,'accv_cache']]],
  ['command_7',['command',['../structaccv__cache_1_1holder.html#aac9f44f7fb08e5a7e085363e5c75fcb9',1,'accv_cache::holder']]]
];
