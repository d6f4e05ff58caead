var searchData=
[
  ['query_0',['query',['../namespaceaccv__cache.html#a8551c00edf15ba9c4442ab3a784a9284',1,'accv_cache::query(const std::vector&lt; std::string &gt; &amp;paths, const query_options &amp;options={})'],['../namespaceaccv__cache.html#af07a7ab162218c425a809c57e4cb4e8b',1,'accv_cache::query(int descriptor, const query_options &amp;options={})']]]
];
