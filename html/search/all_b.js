var searchData=
[
  ['name_0',['NAME',['../namespaceaccv__cache.html#ac84d575aaa902df3cd4bb8fefd839707aad32e604e17467fc435538334fbddf3e',1,'accv_cache']]],
  ['no_5fmapping_1',['NO_MAPPING',['../namespaceaccv__cache.html#ae7af1f8641cf991071e3a85363f3440ea71856311b13fdbfcf1127c7fb419ed90',1,'accv_cache']]],
  ['none_2',['NONE',['../namespaceaccv__cache.html#ac84d575aaa902df3cd4bb8fefd839707ab50339a10e1de285ac99d4c3990b8693',1,'accv_cache::NONE()'],['../namespaceaccv__cache.html#aa7f0b952bc3860bfedfd92187e6b767dab50339a10e1de285ac99d4c3990b8693',1,'accv_cache::NONE()'],['../namespaceaccv__cache.html#ae7af1f8641cf991071e3a85363f3440eab50339a10e1de285ac99d4c3990b8693',1,'accv_cache::NONE()']]],
  ['not_5fpermitted_3',['NOT_PERMITTED',['../namespaceaccv__cache.html#ae7af1f8641cf991071e3a85363f3440ea3589e0cab5493be4ec4c091e6ebcce41',1,'accv_cache']]],
  ['not_5freadable_4',['NOT_READABLE',['../namespaceaccv__cache.html#ae7af1f8641cf991071e3a85363f3440ea9547794ad47ead502399954092c567ba',1,'accv_cache']]],
  ['not_5fsupported_5',['NOT_SUPPORTED',['../namespaceaccv__cache.html#ae7af1f8641cf991071e3a85363f3440ea5343bcd21aad65124478a61831f6949e',1,'accv_cache']]],
  ['nothing_5fto_5fdo_6',['NOTHING_TO_DO',['../namespaceaccv__cache.html#a95709d9a0556c248f89924831819c334a3ec07d38f91bf6467a6fb2ddc926d9c3',1,'accv_cache']]]
];
