// SPDX-License-Identifier: Apache-2.0
// The two readers of residency, cachestat(2) and mincore(2), and which of them to believe.
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <vector>

#include "accv_cache/detail/file/byte_range.hpp"
#include "accv_cache/detail/file/descriptor.hpp"
#include "accv_cache/detail/file/file_system.hpp"
#include "accv_cache/detail/file/file_type.hpp"
#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/residency.hpp"

namespace accv_cache::detail {

/// The memory that a range of a file holds, in whole pages.
struct residency {
    residency_source source = residency_source::NONE;
    unknown_reason unknown = unknown_reason::NONE;
    std::int64_t resident_bytes = 0;
    // What cachestat(2) alone tells.
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
};

/// cachestat(2), Linux 6.5. Gives 0 or -errno.
inline int cachestat(int fd, const byte_range& range, residency& told) noexcept {
    const sys::cachestat_range asked = {static_cast<std::uint64_t>(range.offset),
                                        static_cast<std::uint64_t>(range.length)};
    sys::cachestat_pages pages{};
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

/// Owns a read-only mapping of a part of a file. Nothing ever touches its pages, so a file that
/// shrinks meanwhile raises no SIGBUS, and no page is read in.
class untouched_mapping {
public:
    untouched_mapping(int fd, std::int64_t offset, std::size_t bytes) noexcept
        : bytes_(bytes), error_(sys::mmap(fd, offset, bytes, start_)) {}
    untouched_mapping(const untouched_mapping&) = delete;
    untouched_mapping& operator=(const untouched_mapping&) = delete;
    ~untouched_mapping() {
        if (*this) sys::munmap(start_, bytes_);
    }
    explicit operator bool() const noexcept { return error_ == 0; }
    void* start() const noexcept { return start_; }

private:
    void* start_ = nullptr;
    const std::size_t bytes_;
    const int error_;
};

/// Walks the pages of [start, stop) with mincore(2) in windows of bounded size, and calls
/// `visit(page offset in bytes)` for each resident one. False if the kernel refuses.
template <class Visit>
bool for_each_resident_page(int fd, std::int64_t start, std::int64_t stop, Visit&& visit) {
    std::array<unsigned char, 32768> vector;
    const std::int64_t page = page_size();
    const std::int64_t window = page * static_cast<std::int64_t>(vector.size());
    for (std::int64_t at = start / page * page; at < stop; at += window) {
        const auto bytes = static_cast<std::size_t>(std::min(window, round_up_to_page(stop - at)));
        const untouched_mapping mapping(fd, at, bytes);
        if (!mapping || sys::mincore(mapping.start(), bytes, vector.data()) != 0) return false;
        const std::size_t pages = bytes / static_cast<std::size_t>(page);
        for (std::size_t i = 0; i != pages; ++i)
            if ((vector[i] & 1) != 0) visit(at + static_cast<std::int64_t>(i) * page);
    }
    return true;
}

/// Whether mincore(2) tells the truth about this file, asked of mincore itself: of a file that the
/// caller neither owns nor may write it claims every page (mm/mincore.c, can_do_mincore), so also
/// one where no file has any. The owner that stat(2) shows is no answer: behind overlayfs, FUSE
/// passthrough and id-mapped mounts, mincore looks at another inode, or at another user.
inline bool may_trust_mincore(int fd) noexcept {
    constexpr std::int64_t nowhere = std::int64_t{1} << 43;  // 8 TiB: ext4 takes up to 16
    bool claimed = false;
    const auto visit = [&](std::int64_t) { claimed = true; };
    return for_each_resident_page(fd, nowhere, nowhere + 1, visit) && !claimed;
}

/// Whether there is a cachestat(2): asked of no file, since the kernel looks at the descriptor
/// first.
inline bool has_cachestat() noexcept {
    residency ignored;
    return cachestat(-1, {}, ignored) == -EBADF;
}

/// Whether an error of cachestat(2) means that there is no such call here, not that this file may
/// not be measured. Old container runtimes answer EPERM to every call that they do not know.
inline bool is_cachestat_missing(int error) noexcept {
    return error == EPERM ? !has_cachestat() : error == ENOSYS;
}

/// Counts by mincore(2); unknown if the file cannot be mapped.
inline residency count_by_mincore(int fd, const byte_range& range, std::int64_t size) noexcept {
    residency seen;
    const std::int64_t page = page_size();
    const auto count = [&](std::int64_t) { seen.resident_bytes += page; };
    if (for_each_resident_page(fd, range.offset, range.end(size), count))
        seen.source = residency_source::MINCORE;
    return seen;
}

/// Reads what `range` of a file holds, with whichever reader can be trusted there.
///
/// Where cachestat(2) finds pages, it is right. On overlayfs it succeeds and finds none, because
/// the pages belong to the file below; so it may on FUSE, for a file with a backing file.
inline residency read_residency(int fd, const byte_range& range, const struct stat& status,
                                file_system_memory& file_systems) noexcept {
    residency told;
    if (!may_have_pages(status.st_mode)) {  // cachestat(2) of an open one says so, too
        told.source = residency_source::CACHESTAT;
        return told;
    }
    const int error = -cachestat(fd, part_with_pages(range, status), told);
    if (error == 0 && told.resident_bytes != 0) {
        if (S_ISREG(status.st_mode))
            told.resident_bytes = std::min(told.resident_bytes, most_resident(range, status));
        return told;
    }
    if (error != 0 && !is_cachestat_missing(error))
        return residency::not_known(error == EPERM ? unknown_reason::NOT_PERMITTED
                                                   : unknown_reason::NOT_SUPPORTED);
    const file_system_kind kind = file_systems.of(fd, status);
    const bool may_hide = kind == file_system_kind::overlay || kind == file_system_kind::fuse;
    if (error == 0 && !may_hide) return told;
    if (S_ISBLK(status.st_mode))  // a disk has no st_size
        return residency::not_known(unknown_reason::NOT_SUPPORTED);
    if (!may_trust_mincore(fd)) return residency::not_known(unknown_reason::NOT_PERMITTED);
    const residency seen = count_by_mincore(fd, range, status.st_size);
    // On FUSE that nothing is seen confirms what cachestat told, with more figures.
    const bool confirmed = told.known() && seen.resident_bytes == 0;
    return kind == file_system_kind::fuse && confirmed ? told : seen;
}

/// What is worth asking cachestat(2) about before mincore(2) looks at each page of it, which takes
/// thousands of times as long: a sparse file is mostly empty.
constexpr std::int64_t stretch = std::int64_t{1} << 30;

/// Whether cachestat(2) finds no page in `range`.
inline bool is_empty(int fd, const byte_range& range) noexcept {
    residency told;
    return cachestat(fd, range, told) == 0 && told.resident_bytes == 0;
}

/// The resident ranges of `range`, of which `told` was just read; nullopt if they are unknown.
inline resident_spans read_spans(int fd, const byte_range& range, const struct stat& status,
                                 const residency& told) {
    std::vector<resident_span> spans;
    if (!told.known()) return std::nullopt;
    if (told.resident_bytes == 0) return spans;
    // A disk's pages are told, but its size is not.
    if (!S_ISREG(status.st_mode)) return std::nullopt;
    if (told.source != residency_source::MINCORE && !may_trust_mincore(fd)) return std::nullopt;
    const std::int64_t size = status.st_size;
    const std::int64_t page = page_size();
    const auto visit = [&](std::int64_t start) {
        const std::int64_t stop = std::min(start + page, size);
        if (!spans.empty() && spans.back().stop == start)
            spans.back().stop = stop;
        else
            spans.push_back({start, stop});
    };
    const std::int64_t end = range.end(size);
    for (std::int64_t start = range.offset; start < end;) {
        const std::int64_t stop = std::min(start / stretch * stretch + stretch, end);
        const bool may_skip = told.source == residency_source::CACHESTAT;
        if (!(may_skip && is_empty(fd, {start, stop - start})) &&
            !for_each_resident_page(fd, start, stop, visit))
            return std::nullopt;
        start = stop;
    }
    return spans;
}

}  // namespace accv_cache::detail
