// SPDX-License-Identifier: Apache-2.0
// Tests: The batch runner, and the CPUs that it may use.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "accv_cache/detail/run/batch.hpp"
#include "accv_cache/detail/run/cpus.hpp"
#include "support.hpp"

namespace {

using namespace accv_cache::detail;
using namespace accv_cache::test;

constexpr std::size_t worker_counts[] = {0, 1, 2, 8, 64};

/// Stands for a position that waits for storage.
void nap(int microseconds) {
    if (microseconds != 0) std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
}

/// A job that returns what the test sets, and records its calls.
class scripted_job {
public:
    /// Stands for a descriptor: counted while it is held.
    class item {
    public:
        item() = default;
        item(item&& other) noexcept
            : position(other.position), held_(std::exchange(other.held_, nullptr)) {}
        item& operator=(item&& other) noexcept {
            position = other.position;
            std::swap(held_, other.held_);
            other.release();
            return *this;
        }
        ~item() { release(); }

        void hold(std::atomic<int>& count) {
            release();
            held_ = &count;
            ++count;
        }

        std::size_t position = no_position;

    private:
        void release() {
            if (held_ != nullptr) --*held_;
            held_ = nullptr;
        }
        std::atomic<int>* held_ = nullptr;
    };

    explicit scripted_job(std::size_t count) : finished(count) {}

    verdict prepare(std::size_t position, item& entry, bool alone) noexcept {
        thread_census::here();
        if (alone && held != 0) ++not_alone;
        if (alone && !on_main_thread()) ++not_alone;
        const verdict said = on_prepare(position, alone);
        entry.position = position;
        if (said == proceed || said == proceed_in_turn) entry.hold(held);
        return said;
    }

    verdict finish(std::size_t position, item& entry) noexcept {
        if (entry.position != position) ++mixed_up;
        const verdict said = on_finish(position);
        ++finished[position];
        return said;
    }

    std::function<verdict(std::size_t, bool)> on_prepare = [](std::size_t, bool) {
        return proceed;
    };
    std::function<verdict(std::size_t)> on_finish = [](std::size_t) { return proceed; };

    std::vector<std::atomic<int>> finished;  // how often, for each position
    std::atomic<int> held{0};
    std::atomic<int> not_alone{0};
    std::atomic<int> mixed_up{0};

    std::size_t first_not_finished_once() const {
        std::size_t i = 0;
        while (i != finished.size() && finished[i] == 1) ++i;
        return i;
    }
    bool none_finished_from(std::size_t position) const {
        for (std::size_t i = position; i < finished.size(); ++i)
            if (finished[i] != 0) return false;
        return true;
    }
};

/// A job for whose position `bad` there is no memory.
struct throwing_job {
    struct item {};
    std::size_t bad;

    verdict prepare(std::size_t, item&, bool) {
        thread_census::here();
        nap(50);
        return proceed;
    }
    verdict finish(std::size_t position, item&) {
        if (position == bad) throw std::bad_alloc();
        return proceed;
    }
};

const auto always = [] { return true; };

template <class Tick = decltype(always)>
batch_result run(scripted_job& job, std::size_t workers, bool fail_fast, Tick& tick = always) {
    batch_options options;
    options.workers = workers;
    options.fail_fast = fail_fast;
    thread_census::reset();
    ticker ticks(tick);
    const batch_result result = run_batch(job, job.finished.size(), options, ticks);
    CHECK(thread_census::alive() == 0);
    CHECK(job.held == 0);
    CHECK(job.not_alone == 0);
    CHECK(job.mixed_up == 0);
    return result;
}

/// What a position does, drawn at random.
struct script {
    std::vector<verdict> fails;
    std::vector<int> naps;
    std::size_t first_failure = no_position;

    explicit script(unsigned seed) {
        std::mt19937 random(seed);
        const std::size_t count = 1 + random() % 300;
        const unsigned failures_in_thousand = std::array{0U, 4U, 50U, 400U}[random() % 4];
        for (std::size_t i = 0; i != count; ++i) {
            const bool bad = random() % 1000 < failures_in_thousand;
            fails.push_back(bad ? 1 + static_cast<verdict>(i % 7) : proceed);
            naps.push_back(random() % 4 == 0 ? static_cast<int>(random() % 300) : 0);
            if (bad && first_failure == no_position) first_failure = i;
        }
    }
    verdict first_verdict() const {
        return first_failure == no_position ? proceed : fails[first_failure];
    }
};

/// Calls `body(workers, fail_fast)` for each number of workers, both ways.
template <class Body>
void in_every_way(Body&& body) {
    for (const std::size_t workers : worker_counts)
        for (const bool fail_fast : {false, true}) {
            CAPTURE(workers);
            CAPTURE(fail_fast);
            body(workers, fail_fast);
        }
}

/// Calls `body(plan, workers)` for so many scripts, with each number of workers.
template <class Body>
void with_scripts(unsigned count, Body&& body) {
    for (unsigned seed = 0; seed != count; ++seed) {
        const script plan(seed);
        for (const std::size_t workers : worker_counts) {
            CAPTURE(seed);
            CAPTURE(workers);
            body(plan, workers);
        }
    }
}

/// The step that waits for storage, and then does as the plan says.
auto preparing_by(const script& plan) {
    return [&plan](std::size_t position, bool) {
        nap(plan.naps[position]);
        return plan.fails[position];
    };
}

/// The step that waits for storage, and succeeds.
auto napping(int microseconds) {
    return [microseconds](std::size_t, auto...) {
        nap(microseconds);
        return proceed;
    };
}

void check_failure(const batch_result& result, const script& plan) {
    CHECK(result.failed_position == plan.first_failure);
    CHECK(result.failure == plan.first_verdict());
}

TEST_CASE("every position is done once, whatever the number of workers") {
    in_every_way([](std::size_t workers, bool fail_fast) {
        for (const std::size_t count : {0U, 1U, 2U, 3U, 17U, 500U}) {
            CAPTURE(count);
            scripted_job job(count);
            job.on_finish = [](std::size_t position) {
                nap(position % 16 == 0 ? 300 : 0);
                return proceed;
            };
            const batch_result result = run(job, workers, fail_fast);
            CHECK(result.failure == proceed);
            CHECK(result.failed_position == no_position);
            CHECK_FALSE(result.stopped);
            CHECK(job.first_not_finished_once() == count);
        }
    });
}

TEST_CASE("one worker is the calling thread, and so it is for one or two positions") {
    for (const auto& [workers, count] : {std::pair{1, 300}, {0, 1}, {64, 1}, {0, 2}, {64, 2}}) {
        scripted_job job(static_cast<std::size_t>(count));
        job.on_finish = napping(300);
        run(job, static_cast<std::size_t>(workers), true);
        CHECK(thread_census::seen() == 0);
    }
}

TEST_CASE("a short list is done without threads") {
    // The machine may delay one run for longer than a thread costs, but not all of them.
    int without_threads = 0;
    for (int i = 0; i != 200; ++i) {
        scripted_job job(10);
        run(job, 8, true);
        if (thread_census::seen() == 0) ++without_threads;
    }
    CHECK(without_threads > 0);
}

TEST_CASE("with fail_fast all before the first failure are finished, and none behind it") {
    with_scripts(60, [](const script& plan, std::size_t workers) {
        scripted_job job(plan.fails.size());
        job.on_prepare = preparing_by(plan);
        const batch_result result = run(job, workers, true);
        check_failure(result, plan);
        CHECK_FALSE(result.stopped);
        CHECK(job.first_not_finished_once() == std::min(plan.first_failure, plan.fails.size()));
        CHECK(job.none_finished_from(plan.first_failure));
    });
}

TEST_CASE("with fail_fast a failure to finish is found in list order too") {
    with_scripts(30, [](const script& plan, std::size_t workers) {
        scripted_job job(plan.fails.size());
        job.on_finish = [&](std::size_t position) {
            nap(plan.naps[position]);
            return plan.fails[position];
        };
        const batch_result result = run(job, workers, true);
        check_failure(result, plan);
        CHECK(job.first_not_finished_once() >= std::min(plan.first_failure, plan.fails.size()));
    });
}

TEST_CASE("with fail_fast none behind a position that may fail to finish is finished before it") {
    with_scripts(30, [](const script& plan, std::size_t workers) {
        const std::size_t count = plan.fails.size();
        const auto may_fail = [](std::size_t position) { return position % 3 == 0; };
        std::size_t first = 0;
        while (first != count && !(may_fail(first) && plan.fails[first] != proceed)) ++first;
        for (const int descriptors : {1, 5, 1000}) {
            scripted_job job(count);
            job.on_prepare = [&](std::size_t position, bool alone) {
                if (!alone && job.held >= descriptors) return out_of_descriptors;
                return may_fail(position) ? proceed_in_turn : proceed;
            };
            job.on_finish = [&](std::size_t position) {
                nap(plan.naps[position]);
                return may_fail(position) ? plan.fails[position] : proceed;
            };
            const batch_result result = run(job, workers, true);
            CHECK(result.failed_position == (first == count ? no_position : first));
            CHECK(job.first_not_finished_once() == std::min(first + 1, count));
            CHECK(job.none_finished_from(first + 1));
        }
    });
}

TEST_CASE("without fail_fast the rest go on, and the first failure is reported") {
    with_scripts(30, [](const script& plan, std::size_t workers) {
        scripted_job job(plan.fails.size());
        job.on_prepare = preparing_by(plan);
        const batch_result result = run(job, workers, false);
        check_failure(result, plan);
        std::size_t wrong = 0;
        for (std::size_t i = 0; i != plan.fails.size(); ++i)
            if (job.finished[i] != (plan.fails[i] == proceed ? 1 : 0)) ++wrong;
        CHECK(wrong == 0);
    });
}

TEST_CASE("out of descriptors, it goes on with one position at a time") {
    with_scripts(20, [](const script& plan, std::size_t workers) {
        for (const int descriptors : {1, 3, 10}) {
            CAPTURE(descriptors);
            scripted_job job(plan.fails.size());
            std::atomic<int> short_of{0};
            job.on_prepare = [&](std::size_t position, bool alone) {
                nap(plan.naps[position]);
                if (!alone && job.held >= descriptors) {
                    ++short_of;
                    return out_of_descriptors;
                }
                return plan.fails[position];
            };
            const batch_result result = run(job, workers, true);
            check_failure(result, plan);
            CHECK(job.first_not_finished_once() == std::min(plan.first_failure, plan.fails.size()));
            CHECK(job.none_finished_from(plan.first_failure));
        }
    });
}

TEST_CASE("when descriptors come and go, none is finished behind the first that fails") {
    std::size_t wrong = 0;
    for (unsigned seed = 0; seed != 500; ++seed) {
        scripted_job job(40 + seed % 60);
        // Position 16 is slow to prepare, so that those behind wait; meanwhile descriptors run out,
        // and stay out until the calling thread works alone.
        std::atomic<bool> is_short{false};
        job.on_prepare = [&](std::size_t position, bool alone) {
            nap(position < 16    ? 60
                : position == 16 ? 300
                                 : static_cast<int>((position * 37 + seed * 11) % 80));
            if (position == 20 + seed % 20) is_short = true;
            if (!is_short) return proceed;
            return alone ? 1 : out_of_descriptors;
        };
        const batch_result result = run(job, 8, true);
        const std::size_t stop = std::min(result.failed_position, job.finished.size());
        if (job.first_not_finished_once() != stop || !job.none_finished_from(stop)) ++wrong;
    }
    CHECK(wrong == 0);
}

TEST_CASE("after a moment without descriptors it goes on in parallel") {
    for (const bool fail_fast : {false, true}) {
        scripted_job job(3000);
        std::atomic<int> shortages{0};
        std::atomic<std::size_t> serially{0};
        job.on_prepare = [&](std::size_t position, bool alone) {
            nap(200);
            if (alone) ++serially;
            if (alone || position < 300 || shortages == 20) return proceed;
            ++shortages;
            return out_of_descriptors;
        };
        run(job, 8, fail_fast);
        CHECK(job.first_not_finished_once() == 3000);
        CHECK(shortages != 0);
        CHECK(serially < 300);
    }
}

TEST_CASE("an interrupted step is tried again, after a tick on the calling thread") {
    for (const std::size_t workers : worker_counts) {
        CAPTURE(workers);
        scripted_job job(300);
        std::vector<int> tries(300);
        int interrupted_here = 0;
        job.on_prepare = [&](std::size_t position, bool) {
            nap(20);
            if (++tries[position] > 1) return proceed;
            if (on_main_thread()) ++interrupted_here;
            return interrupted;
        };
        int ticks = 0;
        const auto tick = [&] { return ++ticks, true; };
        CHECK(run(job, workers, workers % 2 == 0, tick).failure == proceed);
        CHECK(job.first_not_finished_once() == 300);
        CHECK(ticks >= interrupted_here);
        CHECK(interrupted_here > 0);
    }
}

TEST_CASE("an interrupted finish is tried again") {
    in_every_way([](std::size_t workers, bool fail_fast) {
        scripted_job job(300);
        std::vector<int> tries(300);
        job.on_finish = [&](std::size_t position) {
            nap(20);
            if (++tries[position] > 1 || position % 10 != 0) return proceed;
            --job.finished[position];
            return interrupted;
        };
        CHECK(run(job, workers, fail_fast).failure == proceed);
        CHECK(job.first_not_finished_once() == 300);
    });
}

TEST_CASE("a tick that says stop ends an interrupted step") {
    scripted_job job(10);
    job.on_prepare = [](std::size_t position, bool) {
        return position == 3 ? interrupted : proceed;
    };
    const auto tick = [] { return false; };
    CHECK(run(job, 1, true, tick).stopped);
    CHECK(job.first_not_finished_once() == 3);
    CHECK(job.none_finished_from(3));
}

TEST_CASE("the tick is served on the calling thread while the workers work") {
    for (const std::size_t workers : {0U, 2U, 64U})
        for (const bool fail_fast : {false, true}) {
            std::mutex mutex;
            std::condition_variable has_ticked;
            int ticks = 0;
            bool elsewhere = false;
            const auto tick = [&] {
                const std::lock_guard<std::mutex> lock(mutex);
                elsewhere = elsewhere || !on_main_thread();
                ++ticks;
                has_ticked.notify_all();
                return true;
            };
            scripted_job job(200);
            job.on_finish = [&](std::size_t) {
                nap(100);
                if (on_main_thread()) return proceed;
                std::unique_lock<std::mutex> lock(mutex);
                has_ticked.wait(lock, [&] { return ticks != 0; });  // otherwise it never ends
                return proceed;
            };
            run(job, workers, fail_fast, tick);
            CHECK(job.first_not_finished_once() == 200);
            CHECK_FALSE(elsewhere);
        }
}

TEST_CASE("a tick that says stop ends the batch with every thread joined") {
    in_every_way([](std::size_t workers, bool fail_fast) {
        scripted_job job(1'000'000);
        job.on_prepare = napping(100);
        const auto tick = [] { return false; };
        const batch_result result = run(job, workers, fail_fast, tick);
        CHECK(result.stopped);
        CHECK(result.failure == proceed);
        std::size_t done = 0;
        int most = 0;
        for (const std::atomic<int>& each : job.finished) {
            done += each != 0 ? 1 : 0;
            most = std::max(most, each.load());
        }
        CHECK(done != 0);
        CHECK(done < job.finished.size());
        CHECK(most == 1);
    });
}

TEST_CASE("no step is begun once the tick has said stop") {
    in_every_way([](std::size_t workers, bool fail_fast) {
        std::atomic<int> steps{0};
        std::atomic<bool> has_said_stop{false};
        std::atomic<std::size_t> late{0};
        const auto step = [&] {
            nap(++steps < 5000 ? 0 : 1000);  // so that threads take much, and stop in its middle
            if (has_said_stop) ++late;
            return proceed;
        };
        scripted_job job(1'000'000);
        job.on_prepare = [&](std::size_t, bool) { return step(); };
        job.on_finish = [&](std::size_t) { return step(); };
        const auto tick = [&] { return !(has_said_stop = true); };
        CHECK(run(job, workers, fail_fast, tick).stopped);
        // Positions in progress, and those that started before all threads saw the stop.
        CHECK(late <= 2 * (thread_census::seen() + 1));
    });
}

TEST_CASE("memory that runs out in a step comes through with every thread joined") {
    in_every_way([](std::size_t workers, bool fail_fast) {
        for (const std::size_t bad : {0U, 7U, 400U}) {
            CAPTURE(bad);
            throwing_job job{bad};
            batch_options options;
            options.workers = workers;
            options.fail_fast = fail_fast;
            thread_census::reset();
            ticker tick;
            CHECK_THROWS_AS(run_batch(job, 1000, options, tick), std::bad_alloc);
            CHECK(thread_census::alive() == 0);
        }
    });
}

TEST_CASE("what a tick throws comes through with every thread joined") {
    in_every_way([](std::size_t workers, bool fail_fast) {
        scripted_job job(1'000'000);
        job.on_prepare = napping(100);
        const auto tick = []() -> bool { throw std::runtime_error("stop"); };
        CHECK_THROWS_AS(run(job, workers, fail_fast, tick), std::runtime_error);
        CHECK(thread_census::alive() == 0);
        CHECK(job.held == 0);
    });
}

TEST_CASE("a child that is forked in a tick leaves the batch at once") {
    in_every_way([](std::size_t workers, bool fail_fast) {
        scripted_job job(1'000'000);
        job.on_prepare = napping(100);
        const pid_t parent = ::getpid();
        pid_t child = -1;
        const auto tick = [&] {
            child = ::fork();
            if (child == 0) ::alarm(300);  // otherwise it could wait for ever
            return child == 0;             // only the child would go on
        };
        ticker ticks(tick);
        batch_options options;
        options.workers = workers;
        options.fail_fast = fail_fast;
        const batch_result result = run_batch(job, job.finished.size(), options, ticks);
        if (::getpid() != parent) ::_exit(result.stopped && ticks.forked() ? 0 : 1);
        CHECK(result.stopped);
        CHECK_FALSE(ticks.forked());
        int status = -1;
        CHECK(::waitpid(child, &status, 0) == child);
        CHECK(status == 0);
    });
}

TEST_CASE("without a thread to have, the calling thread does it all") {
    for (const rlim_t threads : {rlim_t{1}, rlim_t{3}}) {
        const int done = in_child([&] {
            become_stranger();
            const rlimit limit{threads, threads};
            if (::setrlimit(RLIMIT_NPROC, &limit) != 0) return 2;
            for (const bool fail_fast : {false, true}) {
                scripted_job job(200);
                job.on_finish = napping(100);
                run(job, 8, fail_fast);
                if (job.first_not_finished_once() != 200) return 3;
                if (thread_census::seen() >= threads) return 4;
            }
            return 0;
        });
        CHECK(done == 0);
    }
}

TEST_CASE("where workers wait, more of them are started than there are CPUs") {
    for (const bool fail_fast : {false, true}) {
        scripted_job job(2000);
        job.on_prepare = napping(1000);
        run(job, 0, fail_fast);
        CHECK(job.first_not_finished_once() == 2000);
        CHECK(thread_census::seen() > std::min(usable_cpus(), max_workers - 1));
    }
}

TEST_CASE("more threads are added while they get more done, else the last step is taken back") {
    constexpr nanoseconds period = 10'000'000;
    nanoseconds now = 0;
    std::int64_t amount = 5;
    throughput pace(amount, now);
    const auto after = [&](std::size_t threads, std::size_t more, std::int64_t done) {
        now += period;
        amount += done;
        return pace.threads_after(threads, more, amount, now);
    };
    CHECK(pace.threads_after(2, 8, 1000, 1) == 2);  // too early to tell
    CHECK(after(2, 2, 100) == 2);                   // the threads do not wait
    CHECK(after(2, 8, 100) == 8);
    CHECK(after(8, 32, 0) == 8);  // nothing was done that could be compared
    CHECK(after(8, 32, 400) == 32);
    SUBCASE("less") { CHECK(after(32, 64, 190) == 8); }
    SUBCASE("no more") { CHECK(after(32, 64, 205) == 8); }
    SUBCASE("less after a while") {
        CHECK(after(32, 32, 300) == 32);
        CHECK(after(32, 64, 50) == 8);
    }
    CHECK(after(8, 32, 100'000) == 8);  // and that is final
}

TEST_CASE("threads that get less done are taken back") {
    if (usable_cpus() * 4 >= max_workers) return;
    thread_census::reset();
    std::atomic<std::int64_t> amount{0};
    std::atomic<std::ptrdiff_t> most{0};
    std::atomic<bool> has_fewer{false};
    scripted_job job(200'000);
    job.on_prepare = [&](std::size_t position, bool) {
        nap(500);
        // Two threads more halve it, so that no load of the machine makes up for that.
        amount += std::int64_t{1} << (max_workers - thread_census::alive()) / 2;
        // In the middle of a list, a thread ends only if it is taken back, on a busy machine before
        // it has done anything.
        std::ptrdiff_t before = most;
        const std::ptrdiff_t now = threads();
        if (now < before && position < 100'000) has_fewer = true;
        while (now > before && !most.compare_exchange_weak(before, now)) continue;
        return proceed;
    };
    const auto go_on = [&] { return !has_fewer; };
    ticker tick(go_on);
    batch_options options;
    options.amount = &amount;
    CHECK(run_batch(job, job.finished.size(), options, tick).stopped);
}

TEST_CASE("where workers compute, there are no more of them than CPUs") {
    for (const bool fail_fast : {false, true}) {
        scripted_job job(2000);
        job.on_prepare = [](std::size_t, bool) {
            const nanoseconds end = monotonic_now() + 50'000;
            while (monotonic_now() < end) continue;
            return proceed;
        };
        run(job, 0, fail_fast);
        CHECK(job.first_not_finished_once() == 2000);
        CHECK(thread_census::seen() <= usable_cpus());
    }
}

/// Opens a file at each position, and holds those of workers open until `seen` is set.
struct opening_job {
    struct item {
        std::unique_ptr<open_descriptor> file;
    };
    const int of_caller;
    std::atomic<bool> seen{false};
    std::atomic<int> held{0};
    std::atomic<int> with_that_of_caller{0};

    verdict prepare(std::size_t, item& entry, bool) {
        const bool has_that_of_caller = ::fcntl(of_caller, F_GETFD) >= 0;
        entry.file = std::make_unique<open_descriptor>("/proc/self/exe");
        if (on_main_thread()) {
            nap(300);
            return proceed;
        }
        if (has_that_of_caller) ++with_that_of_caller;
        ++held;
        while (!seen) nap(100);
        return proceed;
    }
    verdict finish(std::size_t, item&) { return proceed; }
};

TEST_CASE(
    "workers with a descriptor table of their own keep it from forks, and leave the caller's") {
    const open_descriptor of_caller("/proc/self/exe");
    const auto before = open_descriptors();
    for (const bool own : {true, false}) {
        opening_job job{of_caller.get()};
        int in_fork = 0;
        const auto tick = [&] {
            if (job.held == 0) return true;
            in_fork = in_child([&] { return open_descriptors() == before ? 1 : 2; });
            job.seen = true;
            return true;
        };
        ticker ticks(tick);
        batch_options options;
        options.workers = 2;
        options.own_descriptors = own;
        run_batch(job, 8, options, ticks);
        const bool is_private = own && sys::close_range(~0U, ~0U, 0) == 0;  // since Linux 5.9
        CHECK(in_fork == (is_private ? 1 : 2));
        // A worker's second file may have the number of the caller's.
        CHECK((job.with_that_of_caller < job.held) == is_private);
        CHECK(open_descriptors() == before);
        CHECK(::fcntl(of_caller.get(), F_GETFD) >= 0);
    }
}

/// Uses plain memory as a job of the library does, so that ThreadSanitizer checks the order that
/// the batch guarantees: `prepare` of every earlier position before `finish` with fail_fast, both
/// steps of one position, and all of them before the return.
struct unguarded_job {
    struct item {
        std::size_t position = no_position;
    };

    unguarded_job(std::size_t count, std::size_t bad_position, bool in_order)
        : prepared(count), finished(count), bad(bad_position), fail_fast(in_order) {}

    verdict prepare(std::size_t position, item& entry, bool alone) noexcept {
        if (!alone && position % 997 == 500 && prepared[position] == 0) {
            prepared[position] = 1;
            return out_of_descriptors;
        }
        entry.position = position;
        prepared[position] = 2;
        return position == bad ? 1 : proceed;
    }
    verdict finish(std::size_t position, item& entry) noexcept {
        finished[position] += entry.position == position ? 1 : 2;
        if (fail_fast)
            for (std::size_t back = 1; back <= position; back *= 2)
                if (prepared[position - back] != 2) finished[position] = 100;
        return proceed;
    }

    std::vector<int> prepared;
    std::vector<int> finished;
    const std::size_t bad;
    const bool fail_fast;
};

TEST_CASE("steps need no locks of their own") {
    std::mt19937 random(7);
    for (int round = 0; round != 60; ++round)
        for (const std::size_t workers : {0U, 2U, 8U, 64U}) {
            const std::size_t count = 500 + random() % 20'000;
            const std::size_t bad = random() % 3 == 0 ? no_position : random() % count;
            batch_options options;
            options.workers = workers;
            options.fail_fast = round % 2 == 0;
            unguarded_job job(count, bad, options.fail_fast);
            ticker tick;
            const batch_result result = run_batch(job, count, options, tick);
            CHECK(result.failed_position == bad);
            std::size_t wrong = 0;
            for (std::size_t i = 0; i != count; ++i) {
                const bool left_out = options.fail_fast ? i >= bad : i == bad;
                if (job.finished[i] != (left_out ? 0 : 1)) ++wrong;
            }
            CHECK(wrong == 0);
        }
}

TEST_CASE("batches of several threads do not meet") {
    std::vector<std::thread> callers;
    std::atomic<int> good{0};
    for (int i = 0; i != 4; ++i)
        callers.emplace_back([&] {
            for (int round = 0; round != 20; ++round) {
                batch_options options;
                options.workers = 4;
                options.fail_fast = true;
                unguarded_job job(5000, 4000, true);
                ticker tick;
                if (run_batch(job, 5000, options, tick).failed_position == 4000) ++good;
            }
        });
    for (std::thread& each : callers) each.join();
    CHECK(good == 80);
}

TEST_CASE("the usable CPUs are at least one, and at most those of the affinity") {
    CHECK(usable_cpus() >= 1);
    CHECK(usable_cpus() <= cpus_by_affinity());
    std::thread([] {
        const int here = ::sched_getcpu();
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(static_cast<std::size_t>(here), &one);
        need(::sched_setaffinity(0, sizeof one, &one) == 0, "stay on one CPU");
        CHECK(cpus_by_affinity() == 1);
        CHECK(usable_cpus() == 1);
    }).join();
}

}  // namespace
