var searchData=
[
  ['fadvise_5ffailed_0',['FADVISE_FAILED',['../namespaceaccv__cache.html#ada3eda3a3c4287593feeab1a3557a117a87525945287d64219c566ead476be107',1,'accv_cache']]],
  ['file_5fopen_5ffailed_1',['FILE_OPEN_FAILED',['../namespaceaccv__cache.html#ada3eda3a3c4287593feeab1a3557a117afb170ffea05221be6d4e256c6a5b0266',1,'accv_cache']]]
];
