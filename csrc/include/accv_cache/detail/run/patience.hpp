// SPDX-License-Identifier: Apache-2.0
// The number of times that an interrupted step is retried.
#pragma once

#include <cerrno>
#include <cstddef>

#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Bounds the retries of a step that returns EINTR, because a file system may return it every time.
class patience {
public:
    static constexpr int most = 100;

    /// Whether `error` is worth another try of `position`. Each thread counts for itself, through
    /// all steps of a position: one that succeeds in each try must not hide one that never does.
    bool with(int error, std::size_t position) const noexcept {
        if (error != EINTR) return false;
        thread_local streak last{};
        if (last.counter != this || last.position != position) last = {this, position, 0};
        return ++last.tries % most != 0;
    }

private:
    struct streak {
        const patience* counter;
        std::size_t position;
        int tries;
    };
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
