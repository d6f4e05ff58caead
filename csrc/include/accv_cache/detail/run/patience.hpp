// SPDX-License-Identifier: Apache-2.0
// The number of times that an interrupted step is retried.
#pragma once

#include <cerrno>

#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Bounds the retries of a step that returns EINTR, because a file system may return it every time.
class patience {
public:
    /// Whether `error` is worth another try. A worker does not count its tries: the calling thread
    /// handles its signals between two of them.
    bool with(int error, bool alone) noexcept {
        if (error == EINTR && !alone) return true;
        if (error == EINTR && ++tries_ < most) return true;
        if (alone) tries_ = 0;
        return false;
    }

private:
    static constexpr int most = 100;

    int tries_ = 0;  // only on the calling thread
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
