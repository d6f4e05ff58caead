// SPDX-License-Identifier: Apache-2.0
// The batch runner, which processes the positions of a list on as many threads as help.
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include "accv_cache/detail/run/any_job.hpp"
#include "accv_cache/detail/run/thread.hpp"
#include "accv_cache/detail/run/tick.hpp"
#include "accv_cache/detail/run/verdict.hpp"
#include "accv_cache/detail/run/worker_pool.hpp"
#include "accv_cache/version.hpp"

/// The batch runner knows nothing of files. A job does the work of one position in two steps,
/// `prepare` (which may run ahead of the list) and `finish`; the runner decides when which thread
/// processes a position. All threads are made and joined inside `run_batch`, so nothing outlives
/// the call and a fork before or after it is safe.
namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

struct batch_result {
    std::size_t failed_position = no_position;  ///< The first one, in list order.
    verdict failure = proceed;                  ///< What it failed with.
    bool stopped = false;  ///< The tick stopped the batch; some positions are not done.
};

class batch {
public:
    batch(any_job job, const batch_options& options, ticker& tick) noexcept
        : job_(job), options_(options), failure_(options.fail_fast), tick_(tick) {}

    batch_result run(std::size_t count) {
        positions all{0, count};
        // A single position gains nothing from a thread of its own.
        bool may_use_threads = options_.workers != 1 && count > 1;
        while (is_going_on(all)) {
            const thread_usage start = may_use_threads ? thread_usage::now() : thread_usage{};
            const std::size_t first = all.first;
            run_serially(all, may_use_threads ? start.wall + serial_time : no_deadline);
            if (may_use_threads && all.size() > 1 && is_going_on(all))
                may_use_threads =
                    run_in_parallel(all, thread_usage::now() - start, all.first - first);
        }
        return {failure_.position(), failure_.said(), tick_.stopped()};
    }

private:
    /// A list that takes less time than this needs no threads (each takes about 25 µs to start and
    /// join). A longer one gets at least two.
    static constexpr nanoseconds serial_time = 200'000;
    static constexpr nanoseconds no_deadline = std::numeric_limits<nanoseconds>::max();

    bool is_going_on(const positions& range) const noexcept {
        return !range.empty() && !tick_.stopped() && range.first < failure_.limit();
    }

    /// Processes `range` from its front on the calling thread, at least one position, until it is
    /// done, fails, is stopped, or the deadline passes.
    void run_serially(positions& range, nanoseconds deadline) {
        while (is_going_on(range)) {
            any_job::item item;
            verdict said = job_.prepare(range.first, item, true);
            if (said == proceed || said == proceed_in_turn) said = job_.finish(range.first, item);
            if (said == interrupted) {
                tick_.serve();
                continue;
            }
            if (said != proceed) failure_.record(range.first, said);
            ++range.first;
            const nanoseconds now = monotonic_now();
            if (!tick_.at(now) || now >= deadline) return;
        }
    }

    /// Processes `range` on threads, after `done` positions that took `spent`. Returns true if they
    /// ran out of descriptors, so that the rest is worth another try. Positions that they gave up
    /// in the middle of the list are processed here.
    bool run_in_parallel(positions& range, const thread_usage& spent, std::size_t done) {
        thread_pool threads{{job_, range, options_, in_flight_, failure_, tick_}};
        worker_pool& pool = threads.pool;
        pool.run(spent, done);
        if (tick_.forked()) return false;
        auto put_down = pool.left_behind();
        range = put_down.back();
        for (positions& each : put_down)
            if (each.last <= range.first) run_serially(each, no_deadline);
        in_flight_ = pool.in_flight();
        return pool.ran_short();
    }

    /// Not destroyed in the child of a fork: the destructor would wait for threads that do not
    /// exist there.
    union thread_pool {
        worker_pool pool;
        ~thread_pool() {
            if (!pool.forked()) pool.~worker_pool();
        }
    };

    const any_job job_;
    const batch_options& options_;
    first_failure failure_;
    ticker& tick_;
    std::size_t in_flight_ = 0;
};

/// Processes only some positions of a job: a batch over `positions`.
template <class Job>
class subset {
public:
    using item = typename Job::item;

    subset(Job& job, const std::vector<std::size_t>& positions) noexcept
        : job_(job), positions_(positions) {}

    verdict prepare(std::size_t nth, item& entry, bool alone) {
        return job_.prepare(positions_[nth], entry, alone);
    }
    verdict finish(std::size_t nth, item& entry) { return job_.finish(positions_[nth], entry); }

private:
    Job& job_;
    const std::vector<std::size_t>& positions_;
};

/// Processes the positions 0 to count - 1 of `job`.
///
/// `job` has a movable, default-constructible type `item` and two steps:
///     verdict prepare(std::size_t position, item&, bool alone)
///     verdict finish(std::size_t position, item&)
/// `alone`: no other position is being processed, so running out of descriptors is final.
/// With fail_fast, `finish` is called for a position only when all positions before it have been
/// prepared without failure, and, if `prepare` of one said `proceed_in_turn`, finished.
/// std::bad_alloc from a step reaches the caller.
///
/// `tick` is called on the calling thread about every 100 ms, and whenever a step there was
/// interrupted. After it stops the batch no step is started. Its exceptions reach the caller. Every
/// thread is joined, however the batch ends. In the child of a fork inside the tick, which has no
/// threads, the batch is stopped.
template <class Job>
batch_result run_batch(Job& job, std::size_t count, const batch_options& options, ticker& tick) {
    return batch(any_job::of(job), options, tick).run(count);
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
