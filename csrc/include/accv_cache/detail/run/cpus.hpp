// SPDX-License-Identifier: Apache-2.0
// How many CPUs the calling thread can use.
#pragma once

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "accv_cache/detail/proc/cgroup.hpp"
#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// The CPUs that the calling thread may be scheduled on (sched_getaffinity(2)).
inline std::size_t cpus_by_affinity() noexcept {
    // The kernel refuses a mask smaller than its own with EINVAL, so try larger ones in turn.
    for (std::size_t bits = 1024; bits <= std::size_t{1} << 20; bits *= 2) {
        cpu_set_t* const mask = CPU_ALLOC(bits);
        if (mask == nullptr) break;
        const std::size_t bytes = CPU_ALLOC_SIZE(bits);
        const int error = sys::sched_getaffinity(bytes, mask);
        const int count = error == 0 ? CPU_COUNT_S(bytes, mask) : 0;
        CPU_FREE(mask);
        if (count > 0) return static_cast<std::size_t>(count);
        if (error != -EINVAL) break;
    }
    return 1;
}

/// The CPU limit of the caller's cgroup in whole CPUs, rounded up; 0 without a limit.
inline std::size_t cpus_by_cgroup() {
    const auto cgroup = find_cgroup("cpu");
    if (!cgroup) return 0;
    std::size_t least = 0;
    for_each_ancestor(*cgroup, [&](const std::string& folder) {
        // 'No limit' is "max 100000" in version 2, and -1 in version 1.
        std::int64_t quota = -1;
        std::int64_t period = 0;
        if (cgroup->unified) {
            const std::string text = read_small_file(folder + "/cpu.max");
            quota = leading_number(text).value_or(-1);
            period =
                leading_number(std::string_view(text).substr(std::min(text.find(' '), text.size())))
                    .value_or(0);
        } else {
            quota = leading_number(read_small_file(folder + "/cpu.cfs_quota_us")).value_or(-1);
            period = leading_number(read_small_file(folder + "/cpu.cfs_period_us")).value_or(0);
        }
        if (quota <= 0 || period <= 0) return;
        const auto cpus = static_cast<std::size_t>((quota + period - 1) / period);
        least = least == 0 ? cpus : std::min(least, cpus);
    });
    return least;
}

/// The CPUs that this thread can use, by its affinity and the cgroup's limit.
inline std::size_t usable_cpus() {
    const std::size_t affinity = cpus_by_affinity();
    const std::size_t cgroup = cpus_by_cgroup();
    return cgroup == 0 ? affinity : std::min(affinity, cgroup);
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
