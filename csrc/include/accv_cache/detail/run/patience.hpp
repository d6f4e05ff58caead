// SPDX-License-Identifier: Apache-2.0
// How often an interrupted step is tried again.
#pragma once

#include <cerrno>

#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Bounds the tries of a step that answers EINTR: a file system may do so for ever.
class patience {
public:
    /// Whether `error` is worth another try. A worker leaves that to the calling thread, which
    /// looks at its signals between two tries.
    bool with(int error, bool alone) noexcept {
        if (error == EINTR && !alone) return true;
        if (error == EINTR && ++tries_ < most) return true;
        if (alone) tries_ = 0;
        return false;
    }

private:
    static constexpr int most = 100;

    int tries_ = 0;  // of the calling thread
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
