// SPDX-License-Identifier: Apache-2.0
// Reads residency with cachestat(2) or mincore(2), whichever is correct for the file.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <limits>
#include <optional>

#include "accv_cache/detail/file/byte_range.hpp"
#include "accv_cache/detail/file/descriptor.hpp"
#include "accv_cache/detail/file/file_status.hpp"
#include "accv_cache/detail/file/file_system.hpp"
#include "accv_cache/detail/file/file_type.hpp"
#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/residency.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Called repeatedly during a long scan of pages; false ends the scan. Empty: not called.
using keep_going = std::function<bool()>;

/// The resident bytes of a range of a file, in whole pages.
struct residency {
    residency_source source = residency_source::NONE;
    unknown_reason unknown = unknown_reason::NONE;
    std::int64_t resident_bytes = 0;
    // Only cachestat(2) reports these.
    std::optional<std::int64_t> dirty_bytes;
    std::optional<std::int64_t> writeback_bytes;
    std::optional<std::int64_t> evicted_bytes;
    std::optional<std::int64_t> recently_evicted_bytes;

    static residency not_known(unknown_reason why) noexcept {
        residency none;
        none.unknown = why;
        return none;
    }

    bool known() const noexcept { return source != residency_source::NONE; }

    /// Removes pages behind the end of a file, which a large folio and tmpfs (fallocate(2)) may
    /// have.
    void limit_to(std::int64_t most) noexcept {
        resident_bytes = std::min(resident_bytes, most);
        for (auto* each : {&dirty_bytes, &writeback_bytes, &evicted_bytes, &recently_evicted_bytes})
            if (*each) *each = std::min(**each, most);
    }
};

/// cachestat(2), Linux 6.5. Returns 0 or -errno.
inline int cachestat(int fd, const byte_range& range, residency& told) noexcept {
    sys::cachestat_pages pages{};
    const sys::cachestat_range asked{static_cast<std::uint64_t>(range.offset),
                                     static_cast<std::uint64_t>(range.length)};
    if (const int error = sys::cachestat(fd, asked, pages)) return error;
    const auto in_bytes = [](std::uint64_t count) {
        return static_cast<std::int64_t>(count) * page_size();
    };
    told.source = residency_source::CACHESTAT;
    told.resident_bytes = in_bytes(pages.cached);
    told.dirty_bytes = in_bytes(pages.dirty);
    told.writeback_bytes = in_bytes(pages.writeback);
    told.evicted_bytes = in_bytes(pages.evicted);
    told.recently_evicted_bytes = in_bytes(pages.recently_evicted);
    return 0;
}

/// Whether the kernel has cachestat(2). It checks the descriptor first, so no file is needed.
inline bool has_cachestat() noexcept {
    residency ignored;
    return cachestat(-1, {}, ignored) == -EBADF;
}

/// Whether an error of cachestat(2) means that the call is missing, not that this file may not be
/// measured. Old container runtimes return EPERM for every call that they do not know.
inline bool is_cachestat_missing(int error) noexcept {
    return error == EPERM ? !has_cachestat() : error == ENOSYS;
}

/// Opens the file of a descriptor anew, with an offset of its own. Empty where that is refused.
inline descriptor open_again(int fd) noexcept {
    char path[40];
    if (std::snprintf(path, sizeof path, "/proc/thread-self/fd/%d", fd) <= 0) return {};
    return descriptor::open(path);
}

/// A descriptor that mmap(2) accepts and that keeps the access time of the file: the given one, or
/// another one of the same file.
class mappable {
public:
    mappable(int fd, file_system_kind kind) noexcept : fd_(fd) {
        const int flags = sys::fcntl(fd, F_GETFL);
        const bool readable = flags >= 0 && (flags & O_ACCMODE) != O_WRONLY;
        const bool keeps_time = (flags & O_NOATIME) != 0;
        // On FUSE without keep_cache, opening a file evicts it.
        if (readable && (keeps_time || kind == file_system_kind::fuse)) return;
        opened_ = open_again(fd);
        if (opened_) {
            opened_.keep_access_time();
            fd_ = opened_.get();
        } else if (!readable) {
            const int error = opened_.error();
            fd_ = is_out_of_descriptors(error) ? -error : -EACCES;
        }
    }

    /// -EACCES: the file cannot be read; -EMFILE or -ENFILE: not now.
    int get() const noexcept { return fd_; }

private:
    descriptor opened_;
    int fd_;
};

/// Owns a read-only mapping of a part of a file. Its pages are never accessed, so no page is read
/// in, and a file that shrinks meanwhile raises no SIGBUS.
class untouched_mapping {
public:
    untouched_mapping(int fd, std::int64_t offset, std::size_t bytes) noexcept
        : error_(sys::mmap(fd, offset, bytes, start_)), bytes_(bytes) {}
    untouched_mapping(const untouched_mapping&) = delete;
    untouched_mapping& operator=(const untouched_mapping&) = delete;
    ~untouched_mapping() {
        if (error_ == 0) sys::munmap(start_, bytes_);
    }
    /// 0 or -errno.
    int error() const noexcept { return error_; }
    void* start() const noexcept { return start_; }

private:
    void* start_ = nullptr;  // set before error_ is
    const int error_;
    const std::size_t bytes_;
};

/// The pages that one mincore(2) checks.
constexpr std::int64_t mincore_window = 32768;

/// Walks the pages of [start, stop) with mincore(2) in windows of bounded size, and calls
/// `visit(page offset in bytes)` for each resident one. Returns 0, the -errno of mmap(2) or
/// mincore(2), or -ECANCELED when it was stopped.
template <class Visit>
int for_each_resident_page(int fd, std::int64_t start, std::int64_t stop, const keep_going& go_on,
                           Visit&& visit) {
    std::array<unsigned char, mincore_window> vector;
    const std::int64_t page = page_size();
    const std::int64_t window = page * mincore_window;
    for (std::int64_t at = start / page * page; at < stop; at += window) {
        if (go_on && !go_on()) return -ECANCELED;
        const std::int64_t bytes = round_up_to_page(std::min(window, stop - at));
        const untouched_mapping mapping(fd, at, static_cast<std::size_t>(bytes));
        if (mapping.error() != 0) return mapping.error();
        const int error =
            sys::mincore(mapping.start(), static_cast<std::size_t>(bytes), vector.data());
        if (error != 0) return error;
        const auto pages = static_cast<std::size_t>(bytes / page);
        for (std::size_t i = 0; i != pages; ++i)
            if ((vector[i] & 1) != 0) visit(at + static_cast<std::int64_t>(i) * page);
        if (stop - at <= window) break;  // or `at` may overflow
    }
    return 0;
}

/// The reason that an error of `for_each_resident_page` stands for.
inline unknown_reason reason_of(int error) noexcept {
    switch (-error) {
        case ECANCELED:
            return unknown_reason::NONE;
        case EACCES:
            return unknown_reason::NOT_READABLE;
        case ENODEV:
        case ENOSYS:
        case EOPNOTSUPP:
        case EPERM:
            return unknown_reason::NOT_SUPPORTED;
        default:
            return unknown_reason::NO_MAPPING;
    }
}

/// Why the figures of mincore(2) are not true for a file of `size` bytes; NONE: they are. For a
/// file that the caller neither owns nor may write, mincore(2) reports every page as resident
/// (mm/mincore.c, can_do_mincore), even one behind the end, where no file has pages. The owner from
/// stat(2) does not decide this: on overlayfs, FUSE passthrough and id-mapped mounts, mincore(2)
/// checks another inode or another user.
inline unknown_reason distrust_of_mincore(int fd, std::int64_t size) {
    constexpr std::int64_t far_behind = std::int64_t{1}
                                        << 30;  // tmpfs may have pages closer to the end
    constexpr std::int64_t last = std::numeric_limits<std::int64_t>::max() - far_behind;
    const std::int64_t nowhere = std::min(size, last) / far_behind * far_behind + far_behind;
    bool claimed = false;
    const auto visit = [&](std::int64_t) { claimed = true; };
    const int error = for_each_resident_page(fd, nowhere, nowhere + 1, {}, visit);
    return error != 0 ? reason_of(error)
           : claimed  ? unknown_reason::NOT_PERMITTED
                      : unknown_reason::NONE;
}

/// Counts with mincore(2).
inline residency count_by_mincore(int fd, const byte_range& range, std::int64_t size,
                                  const keep_going& go_on = {}) {
    residency seen;
    const std::int64_t page = page_size();
    const auto count = [&](std::int64_t) { seen.resident_bytes += page; };
    const int error = for_each_resident_page(fd, range.offset, range.end(size), go_on, count);
    if (error != 0) return residency::not_known(reason_of(error));
    seen.source = residency_source::MINCORE;
    return seen;
}

/// Reads the residency of `range` with mincore(2), where its figures are true. Unlike cachestat(2)
/// it counts no page that is still being read, or whose reading failed.
inline residency read_by_mincore(int fd, const byte_range& range, const struct stat& status,
                                 file_system_kind kind, const keep_going& go_on = {}) {
    // For a device, mincore(2) does not see what a file system has read from it. For huge pages it
    // reports whether they are mapped, not whether they are in memory.
    if (S_ISBLK(status.st_mode) || kind == file_system_kind::huge_pages)
        return residency::not_known(unknown_reason::NOT_SUPPORTED);
    const mappable file(fd, kind);
    if (file.get() < 0) return residency::not_known(unknown_reason::NOT_READABLE);
    const unknown_reason distrust = distrust_of_mincore(file.get(), status.st_size);
    if (distrust != unknown_reason::NONE) return residency::not_known(distrust);
    return count_by_mincore(file.get(), range, status.st_size, go_on);
}

/// Reads the residency of `range` with the call that is correct for the file. `status` is that
/// of `read_status`. Unknown without a reason: it was stopped.
///
/// Where cachestat(2) finds pages, it is right. On overlayfs it succeeds and finds none, because
/// the pages belong to the file below. The same may happen on FUSE, for a file with a backing file.
inline residency read_residency(int fd, const byte_range& range, const struct stat& status,
                                file_system_lookup& file_systems, const keep_going& go_on = {}) {
    residency told;
    if (!may_have_pages(status.st_mode)) {  // cachestat(2) of an open one agrees
        told.source = residency_source::CACHESTAT;
        return told;
    }
    const bool sized = has_size(status);
    const byte_range part = sized ? part_of_file(range, status.st_size) : range;
    const int error = -cachestat(fd, part, told);
    if (error == 0) {
        if (sized) told.limit_to(most_resident(range, status.st_size));
        if (told.resident_bytes != 0) return told;
    } else if (!is_cachestat_missing(error)) {
        return residency::not_known(error == EPERM ? unknown_reason::NOT_PERMITTED
                                                   : unknown_reason::NOT_SUPPORTED);
    }
    const file_system_kind kind = file_systems.of(fd, status);
    const bool may_hide = kind == file_system_kind::overlay || kind == file_system_kind::fuse ||
                          kind == file_system_kind::unknown;
    if (error == 0 && !may_hide) return told;
    const residency seen = read_by_mincore(fd, range, status, kind, go_on);
    // On FUSE, if mincore sees nothing either, cachestat was right, and it has more figures.
    const bool confirmed = told.known() && seen.known() && seen.resident_bytes == 0;
    return kind == file_system_kind::fuse && confirmed ? told : seen;
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
