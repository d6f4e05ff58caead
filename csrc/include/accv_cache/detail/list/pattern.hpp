// SPDX-License-Identifier: Apache-2.0
// Matches patterns against file names.
#pragma once

#include <fnmatch.h>

#include <cstddef>
#include <cstring>
#include <string>

#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// A path without "./" at its start.
inline const char* without_dot(const char* path) noexcept {
    while (path[0] == '.' && path[1] == '/') path += std::strspn(path + 1, "/") + 1;
    return path;
}

/// `matches`, for a pattern that does not end with a slash.
inline bool matches_path_or_name(const char* pattern, const char* path) noexcept {
    const char* const last_slash = std::strrchr(path, '/');
    if (last_slash == nullptr || std::strchr(pattern, '/') != nullptr)
        return ::fnmatch(without_dot(pattern), without_dot(path), 0) == 0;
    return ::fnmatch(pattern, last_slash + 1, 0) == 0;
}

/// Whether a pattern of fnmatch(3) matches `path`: all of it if the pattern has a slash, else its
/// last part. Slashes at the end of the pattern, as a shell completes the name of a directory, are
/// ignored.
inline bool matches(const char* pattern, const char* path) {
    std::size_t length = std::strlen(pattern);
    if (length <= 1 || pattern[length - 1] != '/') return matches_path_or_name(pattern, path);
    while (length > 1 && pattern[length - 1] == '/') --length;
    return matches_path_or_name(std::string(pattern, length).c_str(), path);
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
