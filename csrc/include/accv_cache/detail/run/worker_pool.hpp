// SPDX-License-Identifier: Apache-2.0
// The threads of one batch, and the order in which they process positions.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>

#include "accv_cache/detail/run/any_job.hpp"
#include "accv_cache/detail/run/cpus.hpp"
#include "accv_cache/detail/run/memory.hpp"
#include "accv_cache/detail/run/thread.hpp"
#include "accv_cache/detail/run/throughput.hpp"
#include "accv_cache/detail/run/tick.hpp"
#include "accv_cache/detail/run/verdict.hpp"
#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Beyond this many threads, waits no longer overlap further (measured on FUSE at 1 ms per open).
constexpr std::size_t max_workers = 64;

/// The threads of one batch. They start when the list turns out to be long, and are joined before
/// the batch returns.
///
/// When descriptors run out, all threads end, and the batch goes on with fewer positions at once.
/// With fail_fast, the positions that they gave up are then all those after some position.
class worker_pool {
public:
    /// `in_flight`: the positions that may be processed at once; 0: as many as the limits allow.
    worker_pool(any_job job, positions list, const batch_options& options, std::size_t in_flight,
                first_failure& failure, ticker& tick) noexcept
        : job_(job),
          count_(list.last),
          options_(options),
          failure_(failure),
          tick_(tick),
          in_flight_(in_flight != 0 ? in_flight : most_in_flight()),
          next_(list.first) {}

    worker_pool(const worker_pool&) = delete;
    worker_pool& operator=(const worker_pool&) = delete;

    /// Also ends the threads when a tick throws.
    ~worker_pool() {
        {
            const std::scoped_lock lock(mutex_);
            wake_all();
        }
        for (worker& each : workers_) each.thread.join();
    }

    /// Processes the list. `spent` is the time of the `done` positions before.
    void run(const thread_usage& spent, std::size_t done) {
        wanted_ = options_.workers;
        if (wanted_ == 0) wanted_ = usable_cpus() * (is_waiting(spent, done) ? growth : 1);
        {
            std::unique_lock<std::mutex> lock(mutex_);
            start();
            supervise(lock);
        }
        if (tick_.forked()) return;
        for (worker& each : workers_) each.thread.join();
        if (out_of_memory_) throw_bad_alloc();
    }

    // ---- after `run` -------------------------------------------------------------------------

    /// Whether the threads ended because descriptors ran out.
    bool ran_short() const noexcept { return winding_down_; }

    /// The number of positions to process at once in another try.
    std::size_t in_flight() const noexcept { return in_flight_; }

    /// Whether this is the child of a fork, where the pool has no threads.
    bool forked() const noexcept { return tick_.forked(); }

    /// What is still to do, in list order; the last range reaches to the end of the list.
    std::array<positions, max_workers + 1> left_behind() const noexcept {
        std::array<positions, max_workers + 1> ranges;
        std::transform(workers_.begin(), workers_.end(), ranges.begin(),
                       [](const worker& each) { return each.undone; });
        ranges.back() = {next_, count_};
        std::sort(ranges.begin(), ranges.end(), [](const positions& left, const positions& right) {
            return left.first < right.first;
        });
        for (std::size_t i = max_workers; i-- != 0;) {
            if (ranges[i].last != ranges.back().first) break;
            ranges.back().first = ranges[i].first;
        }
        return ranges;
    }

private:
    /// The intervals at which the supervisor checks the workers: short at first, longer when
    /// nothing changes.
    static constexpr nanoseconds first_look = 2'000'000;
    static constexpr nanoseconds last_look = 50'000'000;
    static constexpr std::size_t growth = 4;

    /// Positions taken at once. Workers start with one and take more while a block takes less than
    /// `short_block`. So locking costs little where a position takes microseconds, and slow
    /// positions are still spread evenly.
    static constexpr std::size_t max_block = 32;
    static constexpr nanoseconds short_block = 200'000;

    struct alignas(64) worker {
        worker_pool* owner = nullptr;
        worker_thread thread;
        positions taken;
        positions undone;                      // what it has not done when it must give up
        std::size_t preparing = no_position;   // first position that those behind it wait for
        std::size_t waiting_at = no_position;  // first position that waits for its turn
        std::condition_variable turn;
        std::size_t done = 0;
        thread_usage spent;
    };

    /// Three quarters of the descriptors are reserved for the rest of the process.
    static std::size_t most_in_flight() noexcept {
        rlimit descriptors{};
        sys::getrlimit_nofile(descriptors);
        return static_cast<std::size_t>(
            std::clamp<rlim_t>(descriptors.rlim_cur / 4, 1, max_workers * max_block));
    }

    // ---- on the calling thread, with mutex_ held ---------------------------------------------

    /// Starts threads up to the wanted number. Fewer are enough; without any, the calling thread
    /// does all the work.
    void start() noexcept {
        const std::size_t most =
            std::min({max_workers, wanted_, in_flight_, started_ + (count_ - next_)});
        while (started_ < most && !winding_down_) {
            worker& each = workers_[started_];
            each.owner = this;
            if (!each.thread.start(&worker_pool::thread_body, &each)) return;
            ++started_;
            ++running_;
        }
    }

    /// Ticks, and starts more threads while the workers wait for storage.
    void supervise(std::unique_lock<std::mutex>& lock) {
        nanoseconds interval = first_look;
        thread_usage seen;
        std::size_t seen_done = 0;
        throughput pace(amount(), monotonic_now());
        while (running_ != 0) {
            all_ended_.wait_for(lock, std::chrono::nanoseconds(interval));
            thread_usage spent;
            std::size_t done = 0;
            for (const worker& each : workers_) {
                spent += each.spent;
                done += each.done;
            }
            const std::size_t before = started_;
            std::size_t more = wanted_;
            if (options_.workers == 0 && is_waiting(spent - seen, done - seen_done))
                more = std::min(started_ * growth, max_workers);
            wanted_ = options_.amount == nullptr
                          ? more
                          : pace.threads_after(wanted_, more, amount(), monotonic_now());
            // Descriptors that were in use some time ago may be free again.
            if (interval == last_look && !winding_down_)
                in_flight_ = std::min(in_flight_ * 2, most_in_flight());
            start();
            interval = started_ != before ? first_look : std::min(interval * 2, last_look);
            seen = spent;
            seen_done = done;

            lock.unlock();
            const bool go_on = tick_();
            if (tick_.forked()) return;  // a thread that does not exist here may have held the lock
            lock.lock();
            if (!go_on) wake_all();
        }
    }

    /// What the job has done so far, where it says that.
    std::int64_t amount() const noexcept {
        return options_.amount == nullptr ? 0 : options_.amount->load(std::memory_order_relaxed);
    }

    /// Whether threads wait for storage, not for a CPU: at least every second position put its
    /// thread to sleep, and the thread ran for less than half of the time. The second test alone
    /// also holds for a thread that is ready to run but has no free CPU.
    static bool is_waiting(const thread_usage& spent, std::size_t done) noexcept {
        return done != 0 && static_cast<std::size_t>(spent.waits) * 2 >= done &&
               spent.cpu * 2 < spent.wall;
    }

    // ---- on the workers ----------------------------------------------------------------------

    static void* thread_body(void* argument) noexcept {
        worker& self = *static_cast<worker*>(argument);
        worker_pool& pool = *self.owner;
        if (pool.options_.own_descriptors) leave_descriptor_table();
        const bool had_memory = has_memory_for([&] { pool.work(self); });
        const std::scoped_lock lock(pool.mutex_);
        if (!had_memory) {
            pool.out_of_memory_ = true;
            pool.wind_down();
        }
        if (--pool.running_ == 0) pool.all_ended_.notify_one();
        return nullptr;
    }

    void work(worker& self) {
        std::size_t block = 1;
        for (positions taken = take(self, block); !taken.empty(); taken = take(self, block)) {
            const thread_usage start = thread_usage::now();
            thread_usage asleep;
            if (options_.fail_fast)
                run_in_order(self, taken, asleep);
            else
                run_any_order(taken);
            const thread_usage spent = thread_usage::now() - start - asleep;
            if (spent.wall < short_block) block = std::min(block * 2, max_block);
            const std::scoped_lock lock(mutex_);
            self.spent += spent;
            self.done += self.taken.size() - taken.size();
            if (taken.empty()) continue;
            self.undone = taken;
            return;
        }
    }

    /// Takes the next free positions; an empty range when all are taken.
    positions take(worker& self, std::size_t block) noexcept {
        const std::scoped_lock lock(mutex_);
        self.taken = {};
        if (winding_down_ || tick_.stopped() || next_ >= std::min(count_, failure_.limit()))
            return {};
        const auto nth = static_cast<std::size_t>(&self - workers_.data());
        if (nth >= wanted_) return {};  // there are fewer threads from now on
        const std::size_t share = std::max<std::size_t>(in_flight_ / started_, 1);
        self.taken = {next_, std::min({count_, next_ + block, next_ + share})};
        next_ = self.taken.last;
        self.preparing = self.taken.first;
        return self.taken;
    }

    /// What could not be done stays in `range`.
    void run_any_order(positions& range) {
        for (; !range.empty(); ++range.first) {
            any_job::item item;
            verdict said =
                until_uninterrupted([&] { return job_.prepare(range.first, item, false); });
            if (said == proceed)
                said = until_uninterrupted([&] { return job_.finish(range.first, item); });
            if (said == interrupted) return;
            if (said == out_of_descriptors) {
                const std::scoped_lock lock(mutex_);
                run_short();
                return;
            }
            if (said != proceed) failure_.record(range.first, said);
        }
    }

    /// Prepares the whole range, waits until every position before it is prepared without failure,
    /// then finishes it. What could not be done stays in `range`.
    void run_in_order(worker& self, positions& range, thread_usage& asleep) {
        std::array<any_job::item, max_block> prepared;
        const auto item_at = [&, first = range.first](std::size_t position) -> auto& {
            return prepared[position - first];
        };
        std::size_t ready = range.first;
        verdict said = proceed;
        bool in_turn = false;  // no position behind the range is finished before it
        for (; ready != range.last; ++ready) {
            said = until_uninterrupted([&] { return job_.prepare(ready, item_at(ready), false); });
            if (said == proceed_in_turn)
                in_turn = true;
            else if (said != proceed)
                break;
        }
        if (said == interrupted) return;
        const bool is_short = said == out_of_descriptors;
        if (ready != range.last && !is_short) failure_.record(ready, said);
        if (!await_turn(self, range, is_short ? ready : no_position, in_turn, asleep)) return;

        for (; range.first != ready && range.first < failure_.limit(); ++range.first) {
            said =
                until_uninterrupted([&] { return job_.finish(range.first, item_at(range.first)); });
            if (said == interrupted) return;
            if (said != proceed) failure_.record(range.first, said);
            item_at(range.first).reset();  // closes its descriptor as soon as possible
        }
        if (in_turn) {
            const std::scoped_lock lock(mutex_);
            let_others_go_on(self, is_short ? ready : no_position);
        }
        if (!is_short)
            range.first = range.last;  // the rest is behind a failure and is not finished
    }

    /// Repeats a step while it is interrupted; starts none once the tick has stopped the batch.
    template <class Step>
    verdict until_uninterrupted(Step&& step) {
        verdict said = interrupted;
        while (said == interrupted && !tick_.stopped()) said = step();
        return said;
    }

    /// Tells the other workers that `self` has prepared its range, or ran out of descriptors at
    /// `short_at`; if the range is `in_turn`, they are told when it is finished. Then waits until
    /// it is the turn of the range.
    ///
    /// Returns true when its turn has come: later workers may go on from then, so this one must
    /// too. Returns false if all threads must end before that; later workers then stay blocked.
    bool await_turn(worker& self, const positions& range, std::size_t short_at, bool in_turn,
                    thread_usage& asleep) {
        std::unique_lock<std::mutex> lock(mutex_);
        if (short_at != no_position) run_short();
        let_others_go_on(self, in_turn ? range.first : short_at);

        const auto is_its_turn = [&] {
            return prepared_up_to() >= range.first && short_at != range.first;
        };
        if (!is_its_turn()) {
            const thread_usage before = thread_usage::now();
            self.waiting_at = range.first;
            self.turn.wait(lock, [&] { return winding_down_ || tick_.stopped() || is_its_turn(); });
            self.waiting_at = no_position;
            asleep = thread_usage::now() - before;
        }
        if (is_its_turn()) return true;
        self.preparing = range.first;
        return false;
    }

    // ---- on any thread, with mutex_ held -----------------------------------------------------

    /// Positions behind `limit` have to wait for `self`, others have not.
    void let_others_go_on(worker& self, std::size_t limit) noexcept {
        self.preparing = limit;
        const std::size_t front = prepared_up_to();
        for (worker& each : workers_)
            if (each.waiting_at <= front) each.turn.notify_one();
    }

    /// The first position that a worker is still preparing, has to finish in turn, or has given up.
    std::size_t prepared_up_to() const noexcept {
        std::size_t front = no_position;
        for (const worker& each : workers_) front = std::min(front, each.preparing);
        return front;
    }

    /// The next try uses half of the positions that were too many.
    void run_short() noexcept {
        if (!winding_down_) {
            std::size_t under_way = running_;
            if (options_.fail_fast) {
                under_way = 0;
                for (const worker& each : workers_) under_way += each.taken.size();
            }
            in_flight_ = std::max<std::size_t>(under_way / 2, 1);
        }
        wind_down();
    }

    /// No worker takes more positions or waits for its turn.
    void wind_down() noexcept {
        winding_down_ = true;
        wake_all();
    }

    void wake_all() noexcept {
        for (worker& each : workers_) each.turn.notify_one();
    }

    const any_job job_;
    const std::size_t count_;
    const batch_options& options_;
    first_failure& failure_;
    ticker& tick_;
    std::mutex mutex_;        // all below, and the workers' fields
    std::size_t wanted_ = 0;  // threads, if descriptors allow for them
    std::condition_variable all_ended_;
    bool winding_down_ = false;
    bool out_of_memory_ = false;
    std::size_t in_flight_;  // positions that all workers together may process at once
    std::size_t next_;       // the first position that is not taken
    std::size_t started_ = 0;
    std::size_t running_ = 0;
    std::array<worker, max_workers> workers_;
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
