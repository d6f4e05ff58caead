var searchData=
[
  ['skip_5freason_0',['skip_reason',['../namespaceaccv__cache.html#a8803a8544828ac9563d771b6ca4cfba6',1,'accv_cache']]]
];
