// SPDX-License-Identifier: Apache-2.0
// Decides from what threads get done whether more of them pay.
#pragma once

#include <cstddef>
#include <cstdint>

#include "accv_cache/detail/run/thread.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Adds threads while each step gets clearly more done per second, and goes back by one step when
/// it does not. A storage that serves several readers may serve more of them worse.
class throughput {
public:
    /// `amount`: what is done by `now`, in any unit.
    throughput(std::int64_t amount, nanoseconds now) noexcept : since_(now), amount_(amount) {}

    /// The number of threads to use from `now` on, instead of `threads`. `more`: how many to try
    /// next; the same number: no more.
    std::size_t threads_after(std::size_t threads, std::size_t more, std::int64_t amount,
                              nanoseconds now) noexcept {
        if (is_settled_ || now - since_ < period || amount == amount_) return threads;
        const double rate =
            static_cast<double>(amount - amount_) / static_cast<double>(now - since_);
        if (fewer_ != 0 && rate < least_gain * rate_of_fewer_) {
            is_settled_ = true;
            return fewer_;
        }
        if (more <= threads) return threads;
        fewer_ = threads;
        rate_of_fewer_ = rate;
        amount_ = amount;
        since_ = now;
        return more;
    }

private:
    /// Shorter periods say little about the storage.
    static constexpr nanoseconds period = 8'000'000;
    static constexpr double least_gain = 1.1;

    nanoseconds since_;      // when the threads became as many as they are
    std::int64_t amount_;    // what was done by then
    std::size_t fewer_ = 0;  // the threads before that
    double rate_of_fewer_ = 0;
    bool is_settled_ = false;
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
