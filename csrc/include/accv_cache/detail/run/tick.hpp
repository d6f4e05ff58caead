// SPDX-License-Identifier: Apache-2.0
// Asks the caller of a long call at intervals whether to go on.
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

/// Calls the caller's function about every 100 ms, and keeps a request to stop.
///
/// A verb makes one per call and passes it to each step that may take long. Only the calling thread
/// ticks; any thread may call `stopped`.
class ticker {
public:
    /// Never stops; for callers without signals to handle.
    ticker() noexcept = default;

    /// `function()` returns false to stop. It must outlive the ticker.
    template <class Function>
    explicit ticker(Function& function) noexcept
        : function_(const_cast<void*>(static_cast<const void*>(std::addressof(function)))),
          call_([](void* given) -> bool { return (*static_cast<Function*>(given))(); }) {}

    ticker(const ticker&) = delete;
    ticker& operator=(const ticker&) = delete;

    /// Ticks if the interval has passed. Returns false once the function has stopped the call.
    bool operator()() { return at(monotonic_now()); }

    /// The same for callers that have just read the clock.
    bool at(nanoseconds now) { return now - last_ >= interval ? serve() : !stopped(); }

    /// Ticks now. Returns false once the function has stopped the call, has thrown, or has returned
    /// in the child of a fork, where the threads of the call are missing.
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

    /// The result of the function; stop unless it returns.
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
