var searchData=
[
  ['measure_0',['MEASURE',['../namespaceaccv__cache.html#ac84d575aaa902df3cd4bb8fefd839707a84e4213ee54478574ea15a166ea10152',1,'accv_cache']]],
  ['mincore_1',['MINCORE',['../namespaceaccv__cache.html#aa7f0b952bc3860bfedfd92187e6b767dad85ceede41130eae73b7fb64f1e45344',1,'accv_cache']]]
];
