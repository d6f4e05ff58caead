// SPDX-License-Identifier: Apache-2.0
// The threads of one batch, and the order in which they take and finish positions.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>

#include "accv_cache/detail/run/cpus.hpp"
#include "accv_cache/detail/run/thread.hpp"
#include "accv_cache/detail/run/tick.hpp"
#include "accv_cache/detail/run/verdict.hpp"

namespace accv_cache::detail {

/// More threads than this do not overlap any more waiting (measured on FUSE at 1 ms an open).
constexpr std::size_t max_workers = 64;

/// The threads of one batch: made when the list turns out to be long, joined before it returns.
template <class Job>
class worker_pool {
public:
    worker_pool(Job& job, positions list, bool fail_fast, first_failure& failure) noexcept
        : job_(job),
          count_(list.last),
          fail_fast_(fail_fast),
          failure_(failure),
          next_(list.first) {}

    /// Works through the list on up to `workers` threads; 0: as many as pay. `spent` is where the
    /// time of the `done` positions before went.
    void run(std::size_t workers, const thread_usage& spent, std::size_t done,
             ticker& tick) noexcept {
        rlimit descriptors{};
        ::getrlimit(RLIMIT_NOFILE, &descriptors);
        // A good neighbour: leave three quarters of the descriptors to the rest of the process.
        in_flight_ = static_cast<std::size_t>(
            std::clamp<rlim_t>(descriptors.rlim_cur / 4, 1, max_workers * max_block));
        std::size_t most = std::min({max_workers, in_flight_, count_ - next_});
        if (workers != 0) most = std::min(most, workers);

        std::size_t wanted = most;
        if (workers == 0) wanted = usable_cpus() * (is_waiting(spent, done) ? growth : 1);
        {
            std::unique_lock<std::mutex> lock(mutex_);
            start(std::min(most, wanted));
            supervise(lock, workers == 0 ? most : 0, tick);
        }
        for (worker& each : workers_) each.thread.join();
    }

    /// What is still to do after `run`, in list order: what the workers put down when they gave
    /// up, and what nobody took.
    std::array<positions, max_workers + 1> left_behind() const noexcept {
        std::array<positions, max_workers + 1> ranges;
        std::transform(workers_.begin(), workers_.end(), ranges.begin(),
                       [](const worker& each) { return each.undone; });
        ranges.back() = {next_, count_};
        std::sort(ranges.begin(), ranges.end(), [](const positions& left, const positions& right) {
            return left.first < right.first;
        });
        return ranges;
    }

private:
    /// The supervisor's looks at how the workers fare: soon at first, rarely when nothing changes.
    static constexpr nanoseconds first_look = 2'000'000;
    static constexpr nanoseconds last_look = 100'000'000;
    static constexpr std::size_t growth = 4;

    /// Positions taken at once. Workers start at one and take more while a block is done within
    /// `short_block`, so that locking costs nothing where a position takes microseconds and slow
    /// positions are still spread evenly.
    static constexpr std::size_t max_block = 32;
    static constexpr nanoseconds short_block = 200'000;

    struct alignas(64) worker {
        worker_pool* owner = nullptr;
        worker_thread thread;
        positions undone;                      // what it leaves behind when it must give up
        std::size_t preparing = no_position;   // first position taken and not yet prepared
        std::size_t waiting_at = no_position;  // first position that waits for its turn
        std::condition_variable turn;
        std::size_t done = 0;
        thread_usage spent;
    };

    // ---- on the calling thread, with mutex_ held ---------------------------------------------

    void start(std::size_t wanted) noexcept {
        while (started_ < wanted && next_ < count_ && !giving_up_) {
            worker& each = workers_[started_];
            each.owner = this;
            // Fewer threads than wanted will do; without any, the calling thread does it all.
            if (!each.thread.start(&worker_pool::thread_body, &each)) return;
            ++started_;
            ++running_;
        }
    }

    /// Ticks, and starts more threads, up to `most`, while the workers wait for storage.
    void supervise(std::unique_lock<std::mutex>& lock, std::size_t most, ticker& tick) noexcept {
        nanoseconds interval = first_look;
        thread_usage seen;
        std::size_t seen_done = 0;
        while (running_ != 0) {
            all_ended_.wait_for(lock, std::chrono::nanoseconds(interval));
            thread_usage spent;
            std::size_t done = 0;
            for (const worker& each : workers_) {
                spent += each.spent;
                done += each.done;
            }
            const std::size_t before = started_;
            if (is_waiting(spent - seen, done - seen_done))
                start(std::min(most, started_ * growth));
            interval = started_ != before ? first_look : std::min(interval * 2, last_look);
            seen = spent;
            seen_done = done;

            lock.unlock();
            const bool go_on = tick();
            lock.lock();
            if (!go_on) give_up();
        }
    }

    /// Waiting for storage, not for a CPU: at least every second position put its thread to sleep,
    /// and the thread ran for less than half of the time. The second alone would also be true of a
    /// thread that could run but for a busy machine.
    static bool is_waiting(const thread_usage& spent, std::size_t done) noexcept {
        return done != 0 && static_cast<std::size_t>(spent.waits) * 2 >= done &&
               spent.cpu * 2 < spent.wall;
    }

    // ---- on the workers ----------------------------------------------------------------------

    static void* thread_body(void* argument) noexcept {
        worker& self = *static_cast<worker*>(argument);
        self.owner->work(self);
        return nullptr;
    }

    void work(worker& self) noexcept {
        std::size_t block = 1;
        for (;;) {
            positions taken = take(self, block);
            if (taken.empty()) break;
            const thread_usage start = thread_usage::now();
            const std::size_t size = taken.size();
            thread_usage asleep;
            const bool go_on =
                fail_fast_ ? run_in_order(self, taken, asleep) : run_any_order(taken);
            const thread_usage spent = thread_usage::now() - start - asleep;
            if (spent.wall < short_block) block = std::min(block * 2, max_block);
            const std::scoped_lock lock(mutex_);
            self.spent += spent;
            self.done += size - taken.size();
            if (!go_on) {
                self.undone = taken;
                give_up();
                break;
            }
        }
        const std::scoped_lock lock(mutex_);
        if (--running_ == 0) all_ended_.notify_one();
    }

    /// Takes the next positions nobody has taken; none when there are none left to do.
    positions take(worker& self, std::size_t block) noexcept {
        const std::scoped_lock lock(mutex_);
        if (giving_up_ || next_ >= std::min(count_, failure_.limit())) return {};
        const std::size_t share = std::max<std::size_t>(in_flight_ / started_, 1);
        const positions taken{next_, std::min({count_, next_ + block, next_ + share})};
        next_ = taken.last;
        self.preparing = taken.first;
        return taken;
    }

    /// False if it could not go on; what is undone stays in `range`.
    bool run_any_order(positions& range) noexcept {
        for (; !range.empty(); ++range.first) {
            if (giving_up_.load(std::memory_order_relaxed)) return false;
            typename Job::item item{};
            verdict said = prepare(range.first, item);
            if (said == out_of_descriptors) return false;
            if (said == proceed) said = job_.finish(range.first, item);
            if (said == interrupted) return false;
            if (said != proceed) failure_.record(range.first, said);
        }
        return true;
    }

    /// Prepares the whole range, waits until every position before it is known to be good, then
    /// finishes it. False if it could not go on; what is undone stays in `range`.
    bool run_in_order(worker& self, positions& range, thread_usage& asleep) noexcept {
        std::array<typename Job::item, max_block> prepared{};
        std::size_t ready = range.first;
        verdict said = proceed;
        for (; ready != range.last; ++ready) {
            said = prepare(ready, prepared[ready - range.first]);
            if (said != proceed) break;
        }
        if (said == out_of_descriptors) return false;
        if (said != proceed) failure_.record(ready, said);
        if (!await_turn(self, range, asleep)) return false;

        const std::size_t begin = range.first;
        for (; range.first != ready && range.first < failure_.limit(); ++range.first) {
            typename Job::item& item = prepared[range.first - begin];
            said = job_.finish(range.first, item);
            if (said == interrupted) return false;
            if (said != proceed) failure_.record(range.first, said);
            item = {};  // a descriptor less, as soon as it can be
        }
        range.first = range.last;  // what is left lies behind a failure, and stays as it is
        return true;
    }

    verdict prepare(std::size_t position, typename Job::item& item) noexcept {
        verdict said = interrupted;
        while (said == interrupted) said = job_.prepare(position, item, false);
        return said;
    }

    /// Tells the others that `self` has prepared its range, then waits until all before it is
    /// prepared. False when the batch gives up meanwhile.
    bool await_turn(worker& self, const positions& range, thread_usage& asleep) noexcept {
        std::unique_lock<std::mutex> lock(mutex_);
        self.preparing = no_position;
        const std::size_t front = prepared_up_to();
        for (worker& each : workers_)
            if (each.waiting_at < front) each.turn.notify_one();
        if (front > range.first) return !giving_up_;

        const thread_usage before = thread_usage::now();
        self.waiting_at = range.first;
        self.turn.wait(lock, [&] { return giving_up_ || prepared_up_to() > range.first; });
        self.waiting_at = no_position;
        asleep = thread_usage::now() - before;
        return !giving_up_;
    }

    /// The first position that some worker is still preparing.
    std::size_t prepared_up_to() const noexcept {
        std::size_t front = no_position;
        for (const worker& each : workers_) front = std::min(front, each.preparing);
        return front;
    }

    /// With mutex_ held: every worker puts down what it has not finished.
    void give_up() noexcept {
        giving_up_ = true;
        for (worker& each : workers_) each.turn.notify_one();
    }

    Job& job_;
    const std::size_t count_;
    const bool fail_fast_;
    first_failure& failure_;
    std::size_t in_flight_ = 1;  // positions that all workers together may have under way
    std::atomic<bool> giving_up_{false};

    std::mutex mutex_;  // all below, and the workers' fields
    std::condition_variable all_ended_;
    std::size_t next_;  // the first position that nobody has taken
    std::size_t started_ = 0;
    std::size_t running_ = 0;
    std::array<worker, max_workers> workers_;
};

}  // namespace accv_cache::detail
