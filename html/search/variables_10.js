var searchData=
[
  ['unknown_0',['unknown',['../structaccv__cache_1_1cache__record.html#affa7e15a2c28db721d6d2958cde19cac',1,'accv_cache::cache_record::unknown()'],['../structaccv__cache_1_1drop__record.html#aa3042f3d38da2e53e061b8f6edcbdd3b',1,'accv_cache::drop_record::unknown()']]],
  ['unknown_5fdirty_5ffiles_1',['unknown_dirty_files',['../structaccv__cache_1_1cache__totals.html#a0ffd8ab16bb246a5ed4d5042e4f302bc',1,'accv_cache::cache_totals']]],
  ['unknown_5ffiles_2',['unknown_files',['../structaccv__cache_1_1cache__totals.html#adeeccc294a42d0fb355fe2f048d15ec2',1,'accv_cache::cache_totals::unknown_files()'],['../structaccv__cache_1_1drop__totals.html#ace9adb2dab4060e4cf65df626f3b2e48',1,'accv_cache::drop_totals::unknown_files()']]],
  ['unreadable_5fprocesses_3',['unreadable_processes',['../structaccv__cache_1_1holders__report.html#a5b116e8a7fdc45f2b791144bb1ce88b9',1,'accv_cache::holders_report']]],
  ['untouched_4',['untouched',['../structaccv__cache_1_1cache__record.html#a952e73bfc2b493d327d9a4ed9d48f286',1,'accv_cache::cache_record']]],
  ['untouched_5ffiles_5',['untouched_files',['../structaccv__cache_1_1cache__totals.html#a30210b981f2d15aa381705949bdda37c',1,'accv_cache::cache_totals::untouched_files()'],['../structaccv__cache_1_1drop__totals.html#ab31385d7b978b760c0232884bccf04f8',1,'accv_cache::drop_totals::untouched_files()']]],
  ['usage_5fbytes_6',['usage_bytes',['../structaccv__cache_1_1cgroup__memory__report.html#a3f0d1d6c8fe760e2cb09b48a22413cd5',1,'accv_cache::cgroup_memory_report']]]
];
