#pragma once

#include <cstdint>
#include <optional>
#include <string>

#if defined(__linux__)
#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "accv_cache/detail/proc/cgroup.hpp"
#endif

namespace accv_cache {

/// The memory that counts against the limit of the caller's cgroup, in bytes. A figure is nullopt
/// where the kernel does not tell it. `read_cgroup_memory` makes it.
struct cgroup_memory {
    int version = 2;   ///< Of cgroups(7): 1 or 2.
    std::string path;  ///< The cgroup's folder.

    /// The lowest limit of the cgroup and its parents; nullopt: none is limited.
    std::optional<std::int64_t> limit_bytes;
    std::optional<std::int64_t> usage_bytes;  ///< All that counts against the limit.

    std::optional<std::int64_t> anon_bytes;           ///< The programs' own memory.
    std::optional<std::int64_t> file_bytes;           ///< The page cache, tmpfs included.
    std::optional<std::int64_t> active_file_bytes;    ///< Of it, used again since it was read.
    std::optional<std::int64_t> inactive_file_bytes;  ///< Of it, the first to be reclaimed.
    std::optional<std::int64_t> dirty_bytes;          ///< Of it, not written back yet.
    std::optional<std::int64_t> writeback_bytes;      ///< Of it, being written back.
    std::optional<std::int64_t> shmem_bytes;          ///< Of it, tmpfs and shared memory.
};

#if defined(__linux__)
namespace detail {

/// Reads "name number" lines, as in memory.stat.
inline std::unordered_map<std::string, std::int64_t> read_statistics(const std::string& path) {
    std::unordered_map<std::string, std::int64_t> statistics;
    const std::string text = read_small_file(path);
    for_each_line(text, [&](std::string_view line) {
        const std::size_t end = std::min(line.find(' '), line.size());
        if (const auto number = leading_number(line.substr(end)))
            statistics.emplace(line.substr(0, end), *number);
    });
    return statistics;
}

}  // namespace detail
#endif

/// What fills the caller's cgroup: the answer to 'is it the page cache that eats my memory?'.
///
///     if (const auto memory = accv_cache::read_cgroup_memory())
///         if (memory->limit_bytes && memory->file_bytes.value_or(0) > *memory->limit_bytes / 2)
///             accv_cache::drop({"/data/old"});
///
/// nullopt where there is no memory controller, where it cannot be read, or off Linux. The figures
/// include the cgroups below this one. Throws std::bad_alloc and nothing else. See cgroups(7), and
/// "Memory" in the kernel's Documentation/admin-guide/cgroup-v2.rst.
inline std::optional<cgroup_memory> read_cgroup_memory() {
#if defined(__linux__)
    const auto cgroup = detail::find_cgroup("memory");
    if (!cgroup) return std::nullopt;
    const bool v2 = cgroup->unified;
    const auto number = [](const std::string& path) {
        return detail::leading_number(detail::read_small_file(path));
    };
    const auto statistics = detail::read_statistics(cgroup->path + "/memory.stat");
    // The root of version 2 has no such file before Linux 5.8.
    if (statistics.empty()) return std::nullopt;
    const auto statistic = [&](const char* in_v1, const char* in_v2) {
        const auto found = statistics.find(v2 ? in_v2 : in_v1);
        return found != statistics.end() ? std::optional(found->second) : std::nullopt;
    };

    cgroup_memory memory;
    memory.version = v2 ? 2 : 1;
    memory.path = cgroup->path;
    const auto lower_limit = [&](const std::optional<std::int64_t>& limit) {
        // Version 1 writes 'no limit' as the largest number of whole pages.
        constexpr std::int64_t none = std::int64_t{1} << 62;
        if (limit && *limit < none)
            memory.limit_bytes = std::min(memory.limit_bytes.value_or(none), *limit);
    };
    detail::for_each_ancestor(*cgroup, [&](const std::string& folder) {
        lower_limit(number(folder + (v2 ? "/memory.max" : "/memory.limit_in_bytes")));
    });
    // Version 1 also tells those of parents that a container does not see.
    lower_limit(statistic("hierarchical_memory_limit", ""));
    memory.usage_bytes = number(cgroup->path + (v2 ? "/memory.current" : "/memory.usage_in_bytes"));
    memory.anon_bytes = statistic("total_rss", "anon");
    memory.file_bytes = statistic("total_cache", "file");
    memory.active_file_bytes = statistic("total_active_file", "active_file");
    memory.inactive_file_bytes = statistic("total_inactive_file", "inactive_file");
    memory.dirty_bytes = statistic("total_dirty", "file_dirty");
    memory.writeback_bytes = statistic("total_writeback", "file_writeback");
    memory.shmem_bytes = statistic("total_shmem", "shmem");
    return memory;
#else
    return std::nullopt;
#endif
}

}  // namespace accv_cache
