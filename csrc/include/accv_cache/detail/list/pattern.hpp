// SPDX-License-Identifier: Apache-2.0
// Matches patterns against file names.
#pragma once

#include <fnmatch.h>

#include <cstring>

#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Whether a pattern of fnmatch(3) matches `path`: all of it if the pattern has a slash, else its
/// last part.
inline bool matches(const char* pattern, const char* path) noexcept {
    const char* const last_slash = std::strrchr(path, '/');
    const bool whole = last_slash == nullptr || std::strchr(pattern, '/') != nullptr;
    return ::fnmatch(pattern, whole ? path : last_slash + 1, 0) == 0;
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
