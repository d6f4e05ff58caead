// SPDX-License-Identifier: Apache-2.0
// The main function of every C++ test.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#if defined(__SANITIZE_THREAD__)
/// ThreadSanitizer takes a descriptor's number for the same file in every thread. The workers of
/// drop_videos_cache have descriptor tables of their own, where it is another. So what open(2) and
/// close(2) themselves access is not compared; what the core's wrappers of them access is.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
    return "race_top:open$\n"
           "race_top:close$\n";
}
#endif
