// SPDX-License-Identifier: Apache-2.0
// A state that a forked child does not share with its parent.
#pragma once

#include <unistd.h>

#include <atomic>
#include <memory>

#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// A state of this process. A forked child begins with a new one: another thread may have been in
/// the middle of changing the parent's, with its lock held, so the child never touches that again.
template <class State>
class per_process {
public:
    per_process() = default;
    per_process(const per_process&) = delete;
    per_process& operator=(const per_process&) = delete;
    ~per_process() {
        const owned* const last = current_.load();
        if (last != nullptr && last->process == sys::getpid()) delete last;
    }

    /// The state of this process, which `make()` makes on first use.
    template <class Make>
    State& get(Make&& make) {
        owned* known = current_.load();
        while (known == nullptr || known->process != sys::getpid()) {
            std::unique_ptr<owned> fresh(new owned{sys::getpid(), known, make()});
            if (current_.compare_exchange_strong(known, fresh.get())) known = fresh.release();
        }
        return known->state;
    }

private:
    struct owned {
        pid_t process;
        owned* parents;  ///< Kept for tools that look for memory that was lost.
        State state;
    };

    std::atomic<owned*> current_{nullptr};
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
