// SPDX-License-Identifier: Apache-2.0
// A program that uses little of the installed library, so that it compiles in a second.
#include <accv_cache/drop_videos_cache.hpp>
#include <accv_cache/version.hpp>

#include <cstdio>
#include <string>
#include <vector>

/// Evicts the given files, and prints the version of the library.
int main(int count, char** arguments) {
    const std::vector<std::string> files(arguments + 1, arguments + count);
    std::puts(ACCV_CACHE_VERSION);
    return static_cast<int>(accv_cache::drop_videos_cache(files));
}
