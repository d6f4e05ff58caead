// SPDX-License-Identifier: Apache-2.0
// How a call that evicts files ended, as one value.
#pragma once

#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {

/// How a call that evicts files ended. Python's `accv_cache.DropCacheStatus` has the same names
/// and values.
enum class DropCacheStatus {
    SUCCESS = 0,           ///< Every file was advised, or there was none.
    PLATFORM_ERROR = 1,    ///< This is not Linux; no file was touched.
    FILE_OPEN_FAILED = 2,  ///< open(2) failed: missing, unreadable, leased, a socket, ...
    FADVISE_FAILED = 3,    ///< fstat(2) or posix_fadvise(2) failed, as for a FIFO.
    UNKNOWN_ERROR = 4,     ///< Anything else, such as a name with a NUL byte inside.
};

/// The name of a status, such as "FILE_OPEN_FAILED"; never nullptr, even for a number that is no
/// status.
///
///     std::puts(accv_cache::to_string(accv_cache::drop_videos_cache({"a.mp4"})));
constexpr const char* to_string(DropCacheStatus status) noexcept {
    switch (status) {
        case DropCacheStatus::SUCCESS:
            return "SUCCESS";
        case DropCacheStatus::PLATFORM_ERROR:
            return "PLATFORM_ERROR";
        case DropCacheStatus::FILE_OPEN_FAILED:
            return "FILE_OPEN_FAILED";
        case DropCacheStatus::FADVISE_FAILED:
            return "FADVISE_FAILED";
        case DropCacheStatus::UNKNOWN_ERROR:
            return "UNKNOWN_ERROR";
    }
    return "not a DropCacheStatus";
}

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
