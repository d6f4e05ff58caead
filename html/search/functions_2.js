var searchData=
[
  ['cache_5freport_0',['cache_report',['../classaccv__cache_1_1cache__report.html#a6d7f4ba2a3b05179ef5c9f61d95a6b52',1,'accv_cache::cache_report::cache_report()=default'],['../classaccv__cache_1_1cache__report.html#a7c25585c1fa1dd74d7896e10ccba1099',1,'accv_cache::cache_report::cache_report(detail::path_list paths, std::vector&lt; cache_record &gt; records, std::vector&lt; skipped_path &gt; skipped, bool stopped, std::vector&lt; resident_spans &gt; spans={})']]],
  ['cgroup_5fmemory_1',['cgroup_memory',['../namespaceaccv__cache.html#a3f71137d19a2daec5a2cd5c32314e97c',1,'accv_cache::cgroup_memory()'],['../namespaceaccv__cache.html#ab2b6ccd985916fae0dc714436220b47b',1,'accv_cache::cgroup_memory(int process)'],['../namespaceaccv__cache.html#adbc04a219429d7adaaa3b6b8856c2a6f',1,'accv_cache::cgroup_memory(const std::string &amp;path)']]]
];
