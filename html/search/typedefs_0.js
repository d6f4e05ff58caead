var searchData=
[
  ['resident_5fspans_0',['resident_spans',['../namespaceaccv__cache.html#a74f50a6e1ff04d32274f55c132288081',1,'accv_cache']]]
];
