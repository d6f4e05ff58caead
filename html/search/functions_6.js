var searchData=
[
  ['holders_0',['holders',['../namespaceaccv__cache.html#add4b544c7bfa1281045350b76f31d069',1,'accv_cache']]]
];
