var searchData=
[
  ['advise_0',['ADVISE',['../namespaceaccv__cache.html#ac84d575aaa902df3cd4bb8fefd839707ae4a4cd12428c272c6e04f9a2d70a5de7',1,'accv_cache']]]
];
