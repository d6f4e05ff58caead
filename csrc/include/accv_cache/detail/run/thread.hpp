// SPDX-License-Identifier: Apache-2.0
// A thread that blocks all signals, and how a thread spent its time.
#pragma once

#include <pthread.h>
#include <sys/resource.h>
#include <time.h>

#include <csignal>
#include <cstdint>

#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

using nanoseconds = std::int64_t;

/// The current time in nanoseconds (CLOCK_MONOTONIC).
inline nanoseconds monotonic_now() noexcept {
    timespec now{};
    sys::clock_gettime(now);
    return nanoseconds{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// How the calling thread spent its time. A batch uses it to detect waits for storage.
struct thread_usage {
    nanoseconds wall = 0;
    nanoseconds cpu = 0;
    std::int64_t waits = 0;  ///< Voluntary context switches.

    static thread_usage now() noexcept {
        rusage usage{};
        sys::getrusage_thread(usage);
        const auto in_nanoseconds = [](const timeval& time) {
            return nanoseconds{time.tv_sec} * 1'000'000'000 + nanoseconds{time.tv_usec} * 1'000;
        };
        return {monotonic_now(), in_nanoseconds(usage.ru_utime) + in_nanoseconds(usage.ru_stime),
                usage.ru_nvcsw};
    }

    thread_usage& operator+=(const thread_usage& other) noexcept {
        wall += other.wall;
        cpu += other.cpu;
        waits += other.waits;
        return *this;
    }
    friend thread_usage operator-(thread_usage left, const thread_usage& right) noexcept {
        left.wall -= right.wall;
        left.cpu -= right.cpu;
        left.waits -= right.waits;
        return left;
    }
};

/// Gives the calling thread its own descriptor table, which contains only 0 to 2. A child that
/// another thread forks does not inherit what this thread opens, and opening does not wait for the
/// lock of the shared table. Before Linux 5.9, or where this is refused, nothing changes.
inline void leave_descriptor_table() noexcept {
    sys::close_range(3, ~0U, sys::close_range_unshare);
}

/// A thread that blocks every signal, so that the host's handlers run only on the host's own
/// threads. It reports a failure to start instead of throwing, for programs built with
/// -fno-exceptions.
class worker_thread {
public:
    worker_thread() noexcept = default;
    worker_thread(const worker_thread&) = delete;
    worker_thread& operator=(const worker_thread&) = delete;
    ~worker_thread() { join(); }

    /// Runs `body(argument)` on a new thread. Returns false if the system has no more threads
    /// (EAGAIN).
    bool start(void* (*body)(void*), void* argument) noexcept {
        sigset_t all;
        sigset_t before;
        sigfillset(&all);
        sys::pthread_sigmask(SIG_SETMASK, all, &before);
        running_ = sys::pthread_create(handle_, body, argument) == 0;
        sys::pthread_sigmask(SIG_SETMASK, before, nullptr);
        return running_;
    }

    void join() noexcept {
        if (running_) sys::pthread_join(handle_);
        running_ = false;
    }

private:
    pthread_t handle_{};
    bool running_ = false;
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
