var searchData=
[
  ['accv_5fcache_5fversion_0',['ACCV_CACHE_VERSION',['../version_8hpp.html#a62ee5f607d6d63633d8ae0a8d03a19d8',1,'version.hpp']]],
  ['accv_5fcache_5fversion_5fmajor_1',['ACCV_CACHE_VERSION_MAJOR',['../version_8hpp.html#a0c7cbb31996dd0835dfb4fc7fc8d9bef',1,'version.hpp']]],
  ['accv_5fcache_5fversion_5fminor_2',['ACCV_CACHE_VERSION_MINOR',['../version_8hpp.html#ae54c3fde35489bdb023d3c8cd8224a3a',1,'version.hpp']]],
  ['accv_5fcache_5fversion_5fpatch_3',['ACCV_CACHE_VERSION_PATCH',['../version_8hpp.html#a79ebea019e589a9a11b3fd1f94f30302',1,'version.hpp']]]
];
