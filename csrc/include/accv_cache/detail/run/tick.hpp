// SPDX-License-Identifier: Apache-2.0
// How a long call asks its caller, now and then, whether to go on.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>

#include "accv_cache/detail/run/thread.hpp"
#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Calls the function of a caller about every 100 ms, and remembers when that said stop.
///
/// A verb makes one per call and hands it to all that may take long. Only the calling thread
/// ticks; `stopped` may be read by any.
class ticker {
public:
    /// For callers without signals to look at: never says stop.
    ticker() noexcept = default;

    /// `function()` returns false to stop. It must outlive the ticker.
    template <class Function>
    explicit ticker(Function& function) noexcept
        : function_(const_cast<void*>(static_cast<const void*>(std::addressof(function)))),
          call_([](void* given) -> bool { return (*static_cast<Function*>(given))(); }) {}

    ticker(const ticker&) = delete;
    ticker& operator=(const ticker&) = delete;

    /// Ticks if it is time to. False once the function has said stop.
    bool operator()() { return at(monotonic_now()); }

    /// The same for callers that have just looked at the clock.
    bool at(nanoseconds now) { return now - last_ >= interval ? serve() : !stopped(); }

    /// Ticks now. False once the function has said stop, has thrown, or has come back in the child
    /// of a fork, where the threads of the call are missing.
    bool serve() {
        if (!stopped() && call_ != nullptr) {
            answer said{*this};
            said.go_on = call_(function_);
        }
        last_ = monotonic_now();
        return !stopped();
    }

    bool stopped() const noexcept { return stopped_.load(std::memory_order_relaxed); }

    /// Whether this is the child of a process that forked in the function.
    bool forked() const noexcept { return forked_; }

private:
    static constexpr nanoseconds interval = 100'000'000;

    /// What the function says; stop, unless it comes back.
    struct answer {
        ticker& asked;
        bool go_on = false;
        const pid_t process = sys::getpid();

        ~answer() {
            asked.forked_ = sys::getpid() != process;
            if (!go_on || asked.forked_) asked.stopped_.store(true, std::memory_order_relaxed);
        }
    };

    void* function_ = nullptr;
    bool (*call_)(void*) = nullptr;
    nanoseconds last_ = monotonic_now();
    std::atomic<bool> stopped_{false};
    bool forked_ = false;
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
