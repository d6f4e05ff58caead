var searchData=
[
  ['command_0',['command',['../structaccv__cache_1_1holder.html#aac9f44f7fb08e5a7e085363e5c75fcb9',1,'accv_cache::holder']]]
];
