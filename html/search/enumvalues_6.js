var searchData=
[
  ['open_0',['OPEN',['../namespaceaccv__cache.html#ac84d575aaa902df3cd4bb8fefd839707aa38bd5138bf35514df41a1795ebbf5c3',1,'accv_cache']]],
  ['other_5ffile_5fsystem_1',['OTHER_FILE_SYSTEM',['../namespaceaccv__cache.html#a8803a8544828ac9563d771b6ca4cfba6af52fd80b44208cea7538a0d01564795d',1,'accv_cache']]],
  ['own_5fmemory_2',['OWN_MEMORY',['../namespaceaccv__cache.html#a95709d9a0556c248f89924831819c334ad219f48718198b07957ffed8565f0075',1,'accv_cache']]]
];
