// SPDX-License-Identifier: Apache-2.0
// The memory of the whole machine, and how much of it is evictable page cache.
#pragma once

#include <cstdint>
#include <optional>

#include "accv_cache/version.hpp"

#if defined(__linux__)
#include <string>

#include "accv_cache/detail/proc/kernel_text.hpp"
#endif

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {

/// The memory of the machine, in bytes. A figure is nullopt where the kernel does not report it.
/// `machine_memory` returns it.
struct machine_memory_report {
    std::optional<std::int64_t> total_bytes;  ///< All that the kernel can allocate.
    /// What programs can still allocate; the kernel reclaims page cache for it.
    std::optional<std::int64_t> available_bytes;
    /// Unused memory. Where a GPU shares the memory, a driver that does not reclaim page cache can
    /// allocate no more than this.
    std::optional<std::int64_t> free_bytes;
    std::optional<std::int64_t> active_file_bytes;    ///< Page cache that was used again.
    std::optional<std::int64_t> inactive_file_bytes;  ///< Page cache that is reclaimed first.
    std::optional<std::int64_t> dirty_bytes;          ///< Page cache that is not written back yet.

    /// The page cache that `drop` can evict if no process maps it. Nearly all of it is also part of
    /// `available_bytes`. tmpfs and locked memory, which cannot be evicted, are not part of it.
    std::optional<std::int64_t> evictable_bytes() const noexcept {
        if (!active_file_bytes || !inactive_file_bytes) return std::nullopt;
        return *active_file_bytes + *inactive_file_bytes;
    }

    /// What would be free after all of it was evicted.
    std::optional<std::int64_t> free_after_drop_bytes() const noexcept {
        const auto evictable = evictable_bytes();
        if (!free_bytes || !evictable) return std::nullopt;
        return *free_bytes + *evictable;
    }
};

/// Reads the memory of the machine from /proc/meminfo (proc(5)). In a container whose /proc/meminfo
/// comes from lxcfs, the figures are those of the container.
///
///     if (const auto machine = accv_cache::machine_memory())
///         std::printf("%lld\n", static_cast<long long>(machine->evictable_bytes().value_or(-1)));
///
/// nullopt where /proc/meminfo cannot be read, and on other systems. Throws std::bad_alloc and
/// nothing else.
inline std::optional<machine_memory_report> machine_memory() {
#if defined(__linux__)
    const std::string text = detail::read_small_file("/proc/meminfo");
    if (text.empty()) return std::nullopt;
    const auto figure = [&](const char* name) {
        const auto kibibytes = detail::named_number(text, name);
        return kibibytes ? std::optional(*kibibytes * 1024) : std::nullopt;
    };
    machine_memory_report memory;
    memory.total_bytes = figure("MemTotal:");
    memory.available_bytes = figure("MemAvailable:");
    memory.free_bytes = figure("MemFree:");
    memory.active_file_bytes = figure("Active(file):");
    memory.inactive_file_bytes = figure("Inactive(file):");
    memory.dirty_bytes = figure("Dirty:");
    return memory;
#else
    return std::nullopt;
#endif
}

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
