// SPDX-License-Identifier: Apache-2.0
// The main function of every C++ test.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#if defined(__SANITIZE_THREAD__)
/// ThreadSanitizer takes a descriptor's number for the same file in every thread. The workers of
/// drop_videos_cache have descriptor tables of their own, where it is another. So accesses inside
/// the wrappers of system calls are not compared; these share no memory but their arguments.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
    return "race:detail::sys::\n"
           "race:detail::unhooked::\n"
           "race:test::inode_of\n";
}
#endif
