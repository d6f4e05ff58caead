// SPDX-License-Identifier: Apache-2.0
// A program that uses the installed library as a user's program does.
#include <accv_cache/accv_cache.hpp>
#include <cstdio>
#include <string>
#include <vector>

/// Drops the given files, and prints the version of the library.
int main(int count, char** arguments) {
    const std::vector<std::string> files(arguments + 1, arguments + count);
    std::puts(ACCV_CACHE_VERSION);
    return static_cast<int>(accv_cache::drop(files).status());
}
