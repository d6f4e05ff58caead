// SPDX-License-Identifier: Apache-2.0
// How a long call asks its caller, now and then, whether to go on.
#pragma once

#include <atomic>
#include <memory>

#include "accv_cache/detail/run/thread.hpp"

namespace accv_cache::detail {

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

    /// Ticks now. False once the function has said stop.
    bool serve() {
        if (!stopped() && call_ != nullptr && !call_(function_)) stopped_ = true;
        last_ = monotonic_now();
        return !stopped();
    }

    bool stopped() const noexcept { return stopped_.load(std::memory_order_relaxed); }

private:
    static constexpr nanoseconds interval = 100'000'000;

    void* function_ = nullptr;
    bool (*call_)(void*) = nullptr;
    nanoseconds last_ = monotonic_now();
    std::atomic<bool> stopped_{false};
};

}  // namespace accv_cache::detail
