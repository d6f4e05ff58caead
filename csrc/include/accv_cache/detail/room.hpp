// SPDX-License-Identifier: Apache-2.0
// How much memory the caller may fill with pages of files.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "accv_cache/detail/add_bytes.hpp"
#include "accv_cache/detail/proc/cgroup.hpp"
#include "accv_cache/detail/proc/kernel_text.hpp"
#include "accv_cache/machine_memory.hpp"
#include "accv_cache/prefetch_report.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// How much fits, and what limits it.
struct memory_room {
    std::int64_t bytes = std::numeric_limits<std::int64_t>::max();
    limit_source source = limit_source::NONE;
    std::string cgroup;  ///< The folder of the cgroup that limits it.

    void lower_to(std::int64_t most, limit_source why, const std::string& folder = {}) {
        most = std::max<std::int64_t>(most, 0);
        if (most >= bytes) return;
        bytes = most;
        source = why;
        cgroup = folder;
    }
};

/// The limit of one cgroup, whose parents may have lower ones; nullopt: none. In version 2, above
/// memory.high the kernel reclaims and slows the programs down. Version 1 also reports the limits
/// of parents that a container does not see.
inline std::optional<std::int64_t> limit_of_cgroup(const std::string& folder, bool v2,
                                                   std::string_view statistics) {
    std::optional<std::int64_t> least;
    const auto lower_to = [&](const std::optional<std::int64_t>& limit) {
        // Version 1 writes 'no limit' as the largest number of whole pages.
        constexpr std::int64_t none = std::int64_t{1} << 62;
        if (limit && *limit < none) least = std::min(least.value_or(none), *limit);
    };
    const auto read = [&](const char* name) {
        return leading_number(read_small_file(folder + name));
    };
    lower_to(read(v2 ? "/memory.max" : "/memory.limit_in_bytes"));
    lower_to(v2 ? read("/memory.high") : named_number(statistics, "hierarchical_memory_limit"));
    return least;
}

/// Lowers `room` to what fits below the limits of a cgroup and its visible parents. The clean pages
/// on the inactive list count as room, apart from `stays` bytes: pages of the files to load may be
/// there.
inline void lower_to_cgroup(memory_room& room, const cgroup_folder& cgroup, std::int64_t stays) {
    const bool v2 = cgroup.unified;
    for_each_ancestor(cgroup, [&](const std::string& folder) {
        const std::string statistics = read_small_file(folder + "/memory.stat");
        const auto limit = limit_of_cgroup(folder, v2, statistics);
        const auto usage = leading_number(
            read_small_file(folder + (v2 ? "/memory.current" : "/memory.usage_in_bytes")));
        if (!limit || !usage) return;
        const auto bytes = [&](const char* in_v1, const char* in_v2) {
            return named_number(statistics, v2 ? in_v2 : in_v1).value_or(0);
        };
        const std::int64_t clean = bytes("total_inactive_file", "inactive_file") -
                                   bytes("total_dirty", "file_dirty") -
                                   bytes("total_writeback", "file_writeback");
        const std::int64_t reclaimable = std::max<std::int64_t>(clean, 0) - stays;
        room.lower_to(*limit - *usage + std::max<std::int64_t>(reclaimable, 0),
                      limit_source::CGROUP, folder);
    });
}

/// Finds how much more the caller may load.
class room_finder {
public:
    /// `reserved`: page cache that must stay, and may be counted as reclaimable or available.
    explicit room_finder(std::optional<std::int64_t> max_bytes, std::int64_t reserved = 0)
        : max_bytes_(max_bytes), reserved_(reserved) {}

    /// `loaded`: what the call has loaded so far.
    memory_room find(std::int64_t loaded) const {
        memory_room room;
        if (max_bytes_) room.lower_to(*max_bytes_ - loaded, limit_source::MAX_BYTES);
        std::int64_t stays = loaded;
        add_bytes(stays, reserved_);
        if (cgroup_) lower_to_cgroup(room, *cgroup_, stays);
        const auto machine = machine_memory();
        if (machine && machine->available_bytes)  // which counts these pages as available
            room.lower_to(*machine->available_bytes - stays, limit_source::MACHINE);
        return room;
    }

private:
    const std::optional<std::int64_t> max_bytes_;
    const std::int64_t reserved_;
    const std::optional<cgroup_folder> cgroup_ = find_cgroup("memory");
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
