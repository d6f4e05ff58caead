// SPDX-License-Identifier: Apache-2.0
// Ends a `prefetch` before it does harm.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "accv_cache/detail/file/byte_range.hpp"
#include "accv_cache/detail/file/descriptor.hpp"
#include "accv_cache/detail/file/file_system.hpp"
#include "accv_cache/detail/file/read_ahead.hpp"
#include "accv_cache/detail/file/read_residency.hpp"
#include "accv_cache/detail/room.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// The first part that a call loaded: the kernel reclaims what was loaded first before the rest.
class loaded_sample {
public:
    /// Without a descriptor to keep, nothing is noticed later.
    loaded_sample(int fd, const load_step& part, const struct stat& status,
                  file_system_lookup& file_systems)
        : file_(descriptor::duplicate(fd)),
          part_{part.start, part.bytes()},
          status_(status),
          then_(read(file_systems)) {}

    /// Whether the kernel has reclaimed a part of it. What was evicted on advice does not count,
    /// where cachestat(2) tells the two apart.
    bool was_reclaimed(file_system_lookup& file_systems) const {
        const residency now = read(file_systems);
        return now.known() && then_.known() && now.resident_bytes < then_.resident_bytes &&
               now.evicted_bytes.value_or(1) > then_.evicted_bytes.value_or(0);
    }

private:
    residency read(file_system_lookup& file_systems) const {
        return file_ ? read_residency(file_.get(), part_, status_, file_systems) : residency();
    }

    descriptor file_;
    byte_range part_;
    struct stat status_;
    residency then_;
};

/// Says, before each step of loading, whether it still fits. The threads of a call share one
/// object.
class load_guard {
public:
    /// Finds how much fits, before anything is loaded.
    /// `reserved`: as for `room_finder`.
    memory_room find_room(std::optional<std::int64_t> max_bytes, std::int64_t reserved) {
        return finder_.emplace(max_bytes, reserved).find(0);
    }

    /// Whether `bytes` more may be loaded. From the first time that they may not, nothing may.
    bool admits(std::int64_t bytes, file_system_lookup& file_systems) {
        const std::scoped_lock lock(mutex_);
        if (has_ended()) return false;
        if (admitted_ + bytes - looked_at_ >= distance) {
            looked_at_ = admitted_;
            look(file_systems);
            if (finder_) find_whether_full(*finder_, bytes);
            if (has_ended()) return false;
        }
        admitted_ += bytes;
        return true;
    }

    /// Takes back what was admitted and not loaded.
    void withdraw(std::int64_t bytes) {
        const std::scoped_lock lock(mutex_);
        admitted_ -= bytes;
    }

    /// Keeps the first part that was loaded.
    void remember(int fd, const load_step& part, const struct stat& status,
                  file_system_lookup& file_systems) {
        const std::scoped_lock lock(mutex_);
        if (!sample_) sample_.emplace(fd, part, status, file_systems);
    }

    /// Looks whether the kernel has begun to reclaim what was loaded.
    bool was_reclaimed(file_system_lookup& file_systems) {
        const std::scoped_lock lock(mutex_);
        look(file_systems);
        return was_reclaimed_;
    }

    /// The kernel was seen to reclaim what was loaded.
    void found_reclaimed() {
        const std::scoped_lock lock(mutex_);
        was_reclaimed_ = true;
    }

    /// How much could be loaded in all, where other programs took memory meanwhile and not
    /// everything fitted any more. Only when no thread works.
    const std::optional<memory_room>& full() const noexcept { return full_; }

private:
    /// How much is loaded between two looks at the room.
    static constexpr std::int64_t distance = std::int64_t{64} << 20;

    void find_whether_full(const room_finder& finder, std::int64_t bytes) {
        memory_room room = finder.find(admitted_);
        if (room.bytes >= bytes) return;
        room.bytes += admitted_;
        full_ = std::move(room);
    }

    bool has_ended() const noexcept { return full_ || was_reclaimed_; }

    void look(file_system_lookup& file_systems) {
        was_reclaimed_ = was_reclaimed_ || (sample_ && sample_->was_reclaimed(file_systems));
    }

    std::optional<room_finder> finder_;
    std::mutex mutex_;  // all below
    std::int64_t admitted_ = 0;
    std::int64_t looked_at_ = 0;
    bool was_reclaimed_ = false;
    std::optional<memory_room> full_;
    std::optional<loaded_sample> sample_;
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
