// SPDX-License-Identifier: Apache-2.0
// Types shared by the batch runner and its jobs.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>

#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// The result of a step: `proceed`, one of those below, or a positive failure code of the job.
using verdict = int;
constexpr verdict proceed = 0;
constexpr verdict interrupted = -1;  ///< EINTR: handle signals, then try again.
constexpr verdict out_of_descriptors =
    -2;  ///< Try again when no other position is being processed.

/// As `proceed`, of `prepare` with fail_fast: `finish` may still fail, so no position behind is
/// finished before.
constexpr verdict proceed_in_turn = -3;

constexpr std::size_t no_position = std::numeric_limits<std::size_t>::max();

/// A range of positions.
struct positions {
    std::size_t first = 0;
    std::size_t last = 0;
    bool empty() const noexcept { return first >= last; }
    std::size_t size() const noexcept { return last - first; }
};

struct batch_options {
    std::size_t workers = 0;  ///< Threads at the most; 0: as many as help, 1: the calling thread.
    bool fail_fast = false;   ///< Finish no position after the first one that fails.
    /// The job uses only descriptors that it opens, so each worker has its own descriptor table.
    bool own_descriptors = false;
    /// What the job has done so far, in any unit. With it, threads are added only while they get
    /// more done per second. nullptr: as long as they wait.
    const std::atomic<std::int64_t>* amount = nullptr;
};

/// The first position, in list order, that failed.
class first_failure {
public:
    explicit first_failure(bool fail_fast) noexcept : fail_fast_(fail_fast) {}

    void record(std::size_t position, verdict said) noexcept {
        const std::scoped_lock lock(mutex_);
        if (position >= position_) return;
        position_ = position;
        said_ = said;
        if (fail_fast_) limit_.store(position, std::memory_order_release);
    }

    /// The end of the list: the failure, with fail_fast.
    std::size_t limit() const noexcept { return limit_.load(std::memory_order_acquire); }

    /// The failed position; read it only when no thread works.
    std::size_t position() const noexcept { return position_; }
    verdict said() const noexcept { return said_; }

private:
    const bool fail_fast_;
    std::mutex mutex_;
    std::size_t position_ = no_position;
    verdict said_ = proceed;
    std::atomic<std::size_t> limit_{no_position};
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
