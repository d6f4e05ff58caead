// SPDX-License-Identifier: Apache-2.0
// What uses the memory limit of a cgroup.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "accv_cache/machine_memory.hpp"
#include "accv_cache/version.hpp"

#if defined(__linux__)
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>

#include "accv_cache/detail/proc/cgroup.hpp"
#endif

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {

/// What uses most of a cgroup's working set. Memory that the kernel can reclaim without harm does
/// not count.
enum class cgroup_verdict {
    NOTHING_TO_DO,  ///< The working set is less than half of the limit.
    OWN_MEMORY,     ///< Most of it is the programs' own memory: dropping files does not free it.
    KERNEL_MEMORY,  ///< Most of it is kernel memory, such as names and attributes of files.
    TMPFS,          ///< Most of it is tmpfs and shared memory: delete files there.
    PAGE_CACHE,     ///< Most of it is page cache that was used again: `drop` frees it.
    UNKNOWN,        ///< The kernel does not report what most of it is.
};

/// The memory that counts against the limit of a cgroup, in bytes. A figure is nullopt where the
/// kernel does not report it. `cgroup_memory` returns it.
///
/// The usage is the sum of `anon_bytes`, `evictable_bytes()`, `shmem_bytes`, `kernel_bytes` and
/// `other_bytes()`.
struct cgroup_memory_report {
    int version = 2;   ///< The version of cgroups(7): 1 or 2.
    std::string path;  ///< The cgroup's folder.

    /// The lowest limit of the cgroup and its visible parents; nullopt: none of them has a limit.
    std::optional<std::int64_t> limit_bytes;
    std::optional<std::int64_t> usage_bytes;  ///< All that counts against the limit.

    std::optional<std::int64_t> anon_bytes;           ///< The programs' own memory.
    std::optional<std::int64_t> file_bytes;           ///< The page cache, tmpfs included.
    std::optional<std::int64_t> active_file_bytes;    ///< The part that was used again.
    std::optional<std::int64_t> inactive_file_bytes;  ///< The part that is reclaimed first.
    std::optional<std::int64_t> dirty_bytes;          ///< The part not written back yet.
    std::optional<std::int64_t> writeback_bytes;      ///< The part being written back.
    std::optional<std::int64_t> shmem_bytes;          ///< The part in tmpfs and shared memory.

    /// Memory of the kernel: names and attributes of opened files, page tables, stacks. Also
    /// nullopt in the root of version 1, where it does not count.
    std::optional<std::int64_t> kernel_bytes;
    std::optional<std::int64_t> machine_bytes;  ///< The memory of the machine, also a limit.

    /// The page cache that `drop` can evict if no process maps it: all but tmpfs.
    std::optional<std::int64_t> evictable_bytes() const noexcept {
        if (!file_bytes || !shmem_bytes) return std::nullopt;
        return std::max<std::int64_t>(0, *file_bytes - *shmem_bytes);
    }

    /// What Kubernetes calls the working set: usage without the inactive part of the page cache.
    std::optional<std::int64_t> working_set_bytes() const noexcept {
        if (!usage_bytes || !inactive_file_bytes) return std::nullopt;
        return std::max<std::int64_t>(0, *usage_bytes - *inactive_file_bytes);
    }

    /// What is used beyond the figures above, such as socket buffers.
    std::optional<std::int64_t> other_bytes() const noexcept {
        if (!usage_bytes) return std::nullopt;
        const std::int64_t told =
            anon_bytes.value_or(0) + file_bytes.value_or(0) + kernel_bytes.value_or(0);
        return std::max<std::int64_t>(0, *usage_bytes - told);
    }

    /// The least of `limit_bytes` and `machine_bytes`; nullopt: neither is known.
    std::optional<std::int64_t> binding_limit_bytes() const noexcept {
        if (!limit_bytes || !machine_bytes) return limit_bytes ? limit_bytes : machine_bytes;
        return std::min(*limit_bytes, *machine_bytes);
    }

    /// What uses it, judged by the working set.
    cgroup_verdict verdict() const noexcept {
        const auto working_set = working_set_bytes();
        if (!working_set) return cgroup_verdict::UNKNOWN;
        const auto limit = binding_limit_bytes();
        if (limit && *working_set < *limit / 2) return cgroup_verdict::NOTHING_TO_DO;
        return most_of_working_set();
    }

    /// The largest part of the working set, however small that is: never NOTHING_TO_DO.
    cgroup_verdict most_of_working_set() const noexcept {
        cgroup_verdict most = cgroup_verdict::UNKNOWN;
        std::int64_t largest = other_bytes().value_or(0);
        const auto compare = [&](const std::optional<std::int64_t>& part, cgroup_verdict verdict) {
            if (part.value_or(0) <= largest) return;
            largest = *part;
            most = verdict;
        };
        compare(anon_bytes, cgroup_verdict::OWN_MEMORY);
        compare(kernel_bytes, cgroup_verdict::KERNEL_MEMORY);
        compare(shmem_bytes, cgroup_verdict::TMPFS);
        compare(active_file_bytes, cgroup_verdict::PAGE_CACHE);
        return most;
    }
};

#if defined(__linux__)
namespace detail {

/// Kernel memory in version 2: the sum since Linux 5.18, before that its parts.
inline std::optional<std::int64_t> kernel_memory(std::string_view statistics) noexcept {
    if (const auto sum = named_number(statistics, "kernel")) return sum;
    auto sum = named_number(statistics, "slab");
    if (!sum) return std::nullopt;
    for (const char* part : {"kernel_stack", "pagetables", "percpu"})
        *sum += named_number(statistics, part).value_or(0);
    return sum;
}

/// Reads the figures of a cgroup. A cgroup of version 2 without the memory controller counts
/// against its nearest parent that has it, so that parent's figures are read. nullopt: no parent
/// has any.
inline std::optional<cgroup_memory_report> read_cgroup(cgroup_folder cgroup) {
    const bool v2 = cgroup.unified;
    std::string statistics;
    // The root of version 2 has no such file before Linux 5.8.
    while (const int error = read_kernel_text((cgroup.path + "/memory.stat").c_str(), statistics))
        if (!v2 || !is_out_of_reach(error) || !go_up(cgroup)) return std::nullopt;
    const auto number = [](const std::string& path) {
        return leading_number(read_small_file(path));
    };
    const auto statistic = [&](const char* in_v1, const char* in_v2) {
        return named_number(statistics, v2 ? in_v2 : in_v1);
    };

    cgroup_memory_report memory;
    memory.version = v2 ? 2 : 1;
    memory.path = cgroup.path;
    const auto lower_limit = [&](const std::optional<std::int64_t>& limit) {
        // Version 1 writes 'no limit' as the largest number of whole pages.
        constexpr std::int64_t none = std::int64_t{1} << 62;
        if (limit && *limit < none)
            memory.limit_bytes = std::min(memory.limit_bytes.value_or(none), *limit);
    };
    bool knows_limits = true;
    for_each_ancestor(cgroup, [&](const std::string& folder) {
        const std::string limit = folder + (v2 ? "/memory.max" : "/memory.limit_in_bytes");
        std::string text;
        const int error = read_kernel_text(limit.c_str(), text);
        lower_limit(leading_number(text));
        knows_limits = knows_limits && (error == 0 || is_out_of_reach(error));
    });
    if (!knows_limits) return std::nullopt;
    // Version 1 also reports the limits of parents that a container does not see.
    if (!v2) lower_limit(named_number(statistics, "hierarchical_memory_limit"));
    memory.usage_bytes = number(cgroup.path + (v2 ? "/memory.current" : "/memory.usage_in_bytes"));
    memory.anon_bytes = statistic("total_rss", "anon");
    memory.file_bytes = statistic("total_cache", "file");
    memory.active_file_bytes = statistic("total_active_file", "active_file");
    memory.inactive_file_bytes = statistic("total_inactive_file", "inactive_file");
    memory.dirty_bytes = statistic("total_dirty", "file_dirty");
    memory.writeback_bytes = statistic("total_writeback", "file_writeback");
    memory.shmem_bytes = statistic("total_shmem", "shmem");
    if (v2)
        memory.kernel_bytes = kernel_memory(statistics);
    else if (sys::access((cgroup.path + "/release_agent").c_str(), F_OK) != 0)  // only in the root
        memory.kernel_bytes = number(cgroup.path + "/memory.kmem.usage_in_bytes");
    if (const auto machine = machine_memory()) memory.machine_bytes = machine->total_bytes;
    return memory;
}

/// Whether a mount of version 2 shows a cgroup below the root, so that cgroups outside the mount
/// may account for memory. Only the root has no cgroup.events.
inline bool has_unseen_parents(const cgroup_folder& cgroup) {
    return sys::access((cgroup.mount + "/cgroup.events").c_str(), F_OK) != -ENOENT;
}

}  // namespace detail
#endif

/// Reads what uses the memory limit of the caller's cgroup.
///
///     if (const auto memory = accv_cache::cgroup_memory())
///         if (memory->verdict() == accv_cache::cgroup_verdict::PAGE_CACHE)
///             accv_cache::drop({"/data/old"});
///
/// The figures include the cgroups below this one. nullopt where no cgroup accounts for memory,
/// where no mount shows the caller's cgroup (`memory_limit` tells the two apart), where reading it
/// fails, such as for lack of descriptors, and on other systems. Throws std::bad_alloc and nothing
/// else. See cgroups(7), and "Memory" in the kernel's Documentation/admin-guide/cgroup-v2.rst.
inline std::optional<cgroup_memory_report> cgroup_memory() {
#if defined(__linux__)
    const auto cgroup = detail::find_cgroup("memory");
    if (cgroup) return detail::read_cgroup(*cgroup);
#endif
    return std::nullopt;
}

/// The same for the cgroup of another process. Also nullopt where there is no such process.
///
/// It works from the node, and from a debug container that shares the process's PID namespace. If
/// the caller's mounts do not show the cgroup, it is looked for below /proc/PID/root.
inline std::optional<cgroup_memory_report> cgroup_memory(int process) {
#if defined(__linux__)
    if (process <= 0) return std::nullopt;
    const auto cgroup = detail::look_up_cgroup("memory", process).folder;
    if (cgroup) return detail::read_cgroup(*cgroup);
#else
    static_cast<void>(process);
#endif
    return std::nullopt;
}

/// The same for the cgroup whose folder is `path`, such as /sys/fs/cgroup/system.slice. Also
/// nullopt where there is no such folder, or where it belongs to no cgroup.
inline std::optional<cgroup_memory_report> cgroup_memory(const std::string& path) {
#if defined(__linux__)
    struct releaser {
        void operator()(char* text) const noexcept { std::free(text); }
    };
    char* resolved = nullptr;
    if (detail::sys::realpath(path.c_str(), resolved) != 0) return std::nullopt;
    const std::unique_ptr<char, releaser> whole(resolved);
    std::string folder = whole.get();
    if (folder == "/") folder.clear();
    const int in_v1 = detail::sys::access((folder + "/memory.limit_in_bytes").c_str(), F_OK);
    if (in_v1 != 0 && in_v1 != -ENOENT) return std::nullopt;
    return detail::read_cgroup({"", std::move(folder), in_v1 != 0});
#else
    static_cast<void>(path);
    return std::nullopt;
#endif
}

/// How much memory the caller may use, in bytes: the lowest limit of its cgroup and its visible
/// parents, or the memory of the machine if that is less.
///
/// nullopt where it cannot be known: no mount shows the caller's cgroup, /proc cannot be read, or
/// this is not Linux. Throws std::bad_alloc and nothing else.
inline std::optional<std::int64_t> memory_limit() {
#if defined(__linux__)
    const auto found = detail::look_up_cgroup("memory");
    if (found.exists) {
        if (!found.folder) return std::nullopt;
        if (const auto memory = detail::read_cgroup(*found.folder))
            return memory->binding_limit_bytes();
        // No visible parent accounts for memory.
        if (!found.folder->unified || detail::has_unseen_parents(*found.folder))
            return std::nullopt;
    }
    if (const auto machine = machine_memory()) return machine->total_bytes;
#endif
    return std::nullopt;
}

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
