#include <accv_cache/accv_cache.hpp>
#include <cstdio>
#include <string>
#include <vector>

/// Drops the files that it is given, and says which version did it.
int main(int count, char** arguments) {
    const std::vector<std::string> files(arguments + 1, arguments + count);
    std::puts(ACCV_CACHE_VERSION);
    return static_cast<int>(accv_cache::drop(files).status());
}
