#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <limits>
#include <mutex>

#include "accv_cache/detail/cpus.hpp"
#include "accv_cache/detail/thread.hpp"

/// The batch runner: works through the positions of a list, on as many threads as pay.
///
/// It knows nothing of files. A job does the work of one position in two steps, `prepare` (which
/// may run ahead of the list) and `finish`; the runner decides which thread does which position
/// when. All threads are made and joined inside `run_batch`, so nothing outlives the call and a
/// fork before or after it is safe.
namespace accv_cache::detail {

/// What a step says of its position: `proceed`, one of the two below, or a positive failure code
/// of the job's own.
using verdict = int;
constexpr verdict proceed = 0;
constexpr verdict interrupted = -1;         ///< EINTR: look at the signals, then try again.
constexpr verdict out_of_descriptors = -2;  ///< Try again when no other position is under way.

struct batch_options {
    std::size_t workers = 0;  ///< Threads at the most; 0: as many as pay, 1: the calling thread.
    bool fail_fast = false;   ///< Finish no position behind the first one that fails.
};

constexpr std::size_t no_position = std::numeric_limits<std::size_t>::max();

struct batch_result {
    std::size_t failed_position = no_position;  ///< The first one, in list order.
    verdict failure = proceed;                  ///< What it failed with.
    bool stopped = false;                       ///< The tick asked to stop; positions are undone.
};

/// More threads than this do not overlap any more waiting (measured on FUSE at 1 ms an open).
constexpr std::size_t max_workers = 64;

template <class Job, class Tick>
class batch {
public:
    batch(Job& job, std::size_t count, const batch_options& options, Tick& tick) noexcept
        : job_(job), tick_(tick), count_(count), options_(options) {}

    batch_result run() noexcept {
        const thread_usage start = thread_usage::now();
        last_tick_ = start.wall;
        positions all{0, count_};
        run_serially(all, options_.workers == 1 ? no_deadline : start.wall + serial_time);
        if (all.empty() || result_.stopped || limit() <= all.first) return result_;

        // A lone position gains nothing from a thread of its own.
        if (all.size() > 1) run_in_parallel(all, thread_usage::now() - start);
        for (positions& each : left_behind()) run_serially(each, no_deadline);
        run_serially(all, no_deadline);
        return result_;
    }

private:
    struct positions {
        std::size_t first = 0;
        std::size_t last = 0;
        bool empty() const noexcept { return first >= last; }
        std::size_t size() const noexcept { return last - first; }
    };

    /// A list that is done sooner than this is not worth a thread (about 25 µs each to make and
    /// join); one that is not, is worth two.
    static constexpr nanoseconds serial_time = 200'000;
    static constexpr nanoseconds no_deadline = std::numeric_limits<nanoseconds>::max();
    static constexpr nanoseconds tick_interval = 100'000'000;
    /// The supervisor's looks at how the workers fare: soon at first, rarely when nothing changes.
    static constexpr nanoseconds first_look = 2'000'000;
    static constexpr std::size_t growth = 4;

    /// Positions taken at once. Workers start at one and take more while a block is done within
    /// `short_block`, so that locking costs nothing where a position takes microseconds and slow
    /// positions are still spread evenly.
    static constexpr std::size_t max_block = 8;
    static constexpr nanoseconds short_block = 200'000;

    struct alignas(64) worker {
        batch* owner = nullptr;
        worker_thread thread;
        positions undone;                      // what it leaves behind when it must give up
        std::size_t preparing = no_position;   // first position taken and not yet prepared
        std::size_t waiting_at = no_position;  // first position that waits for its turn
        std::condition_variable turn;
        std::size_t done = 0;  // guarded by mutex_, as all of these are while the threads run
        thread_usage spent;
    };

    using items = std::array<typename Job::item, max_block>;

    // ---- on the calling thread -------------------------------------------------------------

    std::size_t limit() const noexcept { return limit_.load(std::memory_order_acquire); }

    bool serve_tick() noexcept {
        last_tick_ = monotonic_now();
        if (!tick_()) result_.stopped = true;
        return !result_.stopped;
    }

    /// Works through `range` from its front, on the calling thread, at least one position, until
    /// it is done, fails, is stopped, or the deadline has passed.
    void run_serially(positions& range, nanoseconds deadline) noexcept {
        while (!range.empty() && !result_.stopped && range.first < limit()) {
            typename Job::item item{};
            verdict said = job_.prepare(range.first, item, true);
            if (said == interrupted) {
                serve_tick();
                continue;
            }
            if (said == proceed) said = job_.finish(range.first, item);
            if (said != proceed) fail(range.first, said);
            ++range.first;
            const nanoseconds now = monotonic_now();
            if (now - last_tick_ >= tick_interval && !serve_tick()) return;
            if (now >= deadline) return;
        }
    }

    /// Gives `rest` to worker threads and supervises them. Afterwards `rest` holds what nobody
    /// took.
    void run_in_parallel(positions& rest, const thread_usage& serial) noexcept {
        rlimit descriptors{};
        ::getrlimit(RLIMIT_NOFILE, &descriptors);
        // A good neighbour: leave three quarters of the descriptors to the rest of the process.
        const auto in_flight = static_cast<std::size_t>(
            std::clamp<rlim_t>(descriptors.rlim_cur / 4, 1, max_workers * max_block));
        std::size_t most = std::min({max_workers, in_flight, rest.size()});
        if (options_.workers != 0) most = std::min(most, options_.workers);
        block_limit_ = std::clamp<std::size_t>(in_flight / most, 1, max_block);
        next_ = rest.first;

        std::size_t wanted = most;
        if (options_.workers == 0) {
            wanted = usable_cpus();
            if (is_waiting(serial, rest.first)) wanted *= growth;
        }
        {
            std::unique_lock<std::mutex> lock(mutex_);
            start_workers(std::min(most, wanted));
            supervise(lock, most);
        }
        for (worker& each : workers_) each.thread.join();
        rest.first = next_;
    }

    void supervise(std::unique_lock<std::mutex>& lock, std::size_t most) noexcept {
        nanoseconds interval = first_look;
        thread_usage seen;
        std::size_t seen_done = 0;
        while (running_ != 0) {
            all_ended_.wait_for(lock, std::chrono::nanoseconds(interval));
            if (running_ == 0) return;
            thread_usage spent;
            std::size_t done = 0;
            for (std::size_t i = 0; i < started_; ++i) {
                spent += workers_[i].spent;
                done += workers_[i].done;
            }
            const std::size_t before = started_;
            if (options_.workers == 0 && is_waiting(spent - seen, done - seen_done))
                start_workers(std::min(most, started_ * growth));
            interval = started_ != before ? first_look : std::min(interval * 2, tick_interval);
            seen = spent;
            seen_done = done;
            if (monotonic_now() - last_tick_ >= tick_interval) {
                lock.unlock();
                const bool go_on = serve_tick();
                lock.lock();
                if (!go_on) give_up();
            }
        }
    }

    /// Waiting for storage, not for a CPU: at least every second position put its thread to sleep,
    /// and the thread ran for less than half of the time. The second alone would also be true of a
    /// thread that could run but for a busy machine.
    static bool is_waiting(const thread_usage& spent, std::size_t done) noexcept {
        return done != 0 && static_cast<std::size_t>(spent.waits) * 2 >= done &&
               spent.cpu * 2 < spent.wall;
    }

    void start_workers(std::size_t wanted) noexcept {
        while (started_ < wanted && next_ < count_ && !giving_up_) {
            worker& each = workers_[started_];
            each.owner = this;
            // Fewer threads than wanted will do; without any, the calling thread does it all.
            if (!each.thread.start(&batch::thread_body, &each)) return;
            ++started_;
            ++running_;
        }
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
                options_.fail_fast ? run_in_order(self, taken, asleep) : run_any_order(taken);
            const thread_usage spent = thread_usage::now() - start - asleep;
            if (spent.wall < short_block) block = std::min(block * 2, block_limit_);
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
        if (giving_up_ || next_ >= std::min(count_, limit())) return {};
        const positions taken{next_, std::min(count_, next_ + block)};
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
            if (said != proceed) fail(range.first, said);
        }
        return true;
    }

    /// Prepares the whole range, waits until every position before it is known to be good, then
    /// finishes it. False if it could not go on; what is undone stays in `range`.
    bool run_in_order(worker& self, positions& range, thread_usage& asleep) noexcept {
        items prepared{};
        std::size_t ready = range.first;
        verdict said = proceed;
        for (; ready != range.last; ++ready) {
            said = prepare(ready, prepared[ready - range.first]);
            if (said != proceed) break;
        }
        if (said == out_of_descriptors) return false;
        if (said != proceed) fail(ready, said);
        if (!await_turn(self, range, asleep)) return false;

        const std::size_t begin = range.first;
        for (; range.first != ready && range.first < limit(); ++range.first) {
            typename Job::item& item = prepared[range.first - begin];
            said = job_.finish(range.first, item);
            if (said != proceed) fail(range.first, said);
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
        for (std::size_t i = 0; i < started_; ++i)
            if (workers_[i].waiting_at < front) workers_[i].turn.notify_one();
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
        for (std::size_t i = 0; i < started_; ++i) front = std::min(front, workers_[i].preparing);
        return front;
    }

    /// With mutex_ held: every worker puts down what it has not finished.
    void give_up() noexcept {
        giving_up_ = true;
        for (std::size_t i = 0; i < started_; ++i) workers_[i].turn.notify_one();
    }

    // ---- on either ---------------------------------------------------------------------------

    void fail(std::size_t position, verdict said) noexcept {
        const std::scoped_lock lock(failure_mutex_);
        if (position >= result_.failed_position) return;
        result_.failed_position = position;
        result_.failure = said;
        if (options_.fail_fast) limit_.store(position, std::memory_order_release);
    }

    /// What the workers put down when they gave up, in list order.
    std::array<positions, max_workers> left_behind() const noexcept {
        std::array<positions, max_workers> ranges;
        std::transform(workers_.begin(), workers_.end(), ranges.begin(),
                       [](const worker& each) { return each.undone; });
        std::sort(ranges.begin(), ranges.end(), [](const positions& left, const positions& right) {
            return left.first < right.first;
        });
        return ranges;
    }

    Job& job_;
    Tick& tick_;
    const std::size_t count_;
    const batch_options options_;
    batch_result result_;
    nanoseconds last_tick_ = 0;
    std::size_t block_limit_ = 1;

    std::mutex failure_mutex_;                     // result_.failed_position and .failure
    std::atomic<std::size_t> limit_{no_position};  // with fail_fast: where the list now ends
    std::atomic<bool> giving_up_{false};

    std::mutex mutex_;  // all below, and the workers' fields
    std::condition_variable all_ended_;
    std::size_t next_ = 0;  // the first position that nobody has taken
    std::size_t started_ = 0;
    std::size_t running_ = 0;
    std::array<worker, max_workers> workers_;
};

/// For callers without signals to look at.
struct no_tick {
    bool operator()() const noexcept { return true; }
};

/// Does the work of `job` for the positions 0 to count - 1.
///
/// `job` has a movable, default-constructible type `item` and two steps, neither of which throws:
///     verdict prepare(std::size_t position, item&, bool alone)
///     verdict finish(std::size_t position, item&)
/// `alone` says that no other position is under way, so running out of descriptors is final.
/// With fail_fast, `finish` is called for a position only when all positions before it have been
/// prepared without failure.
///
/// `tick()` is called on the calling thread about every 100 ms, and whenever a step there was
/// interrupted; false stops the batch, with every thread joined.
template <class Job, class Tick>
batch_result run_batch(Job& job, std::size_t count, const batch_options& options,
                       Tick& tick) noexcept {
    return batch<Job, Tick>(job, count, options, tick).run();
}

}  // namespace accv_cache::detail
