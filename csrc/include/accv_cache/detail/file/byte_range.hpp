// SPDX-License-Identifier: Apache-2.0
// The arithmetic of byte ranges and pages.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace accv_cache::detail {

static_assert(sizeof(off_t) == 8, "compile with -D_FILE_OFFSET_BITS=64");

/// A range of a file in bytes; length 0 means to the end, as for posix_fadvise(2).
struct byte_range {
    std::int64_t offset = 0;
    std::int64_t length = 0;

    bool is_valid() const noexcept { return offset >= 0 && length >= 0; }
    /// Where the range ends in a file of `size` bytes.
    std::int64_t end(std::int64_t size) const noexcept {
        return length != 0 && length < size - offset ? offset + length : size;
    }
};

inline std::int64_t page_size() noexcept { return ::sysconf(_SC_PAGESIZE); }

inline std::int64_t round_up_to_page(std::int64_t bytes) noexcept {
    const std::int64_t page = page_size();
    return (bytes + page - 1) / page * page;
}

/// The largest folio that the page cache uses: what one entry of a page directory maps
/// (include/linux/pagemap.h, MAX_PAGECACHE_ORDER). 2 MiB where pages are 4 KiB.
inline std::int64_t largest_folio() noexcept { return page_size() * (page_size() / 8); }

/// The most that `range` can hold, in whole pages: all that it touches of the file.
inline std::int64_t most_resident(const byte_range& range, const struct stat& status) noexcept {
    const std::int64_t first = range.offset / page_size() * page_size();
    const std::int64_t last = round_up_to_page(range.end(status.st_size));
    return std::max<std::int64_t>(last - first, 0);
}

/// The part of `range` that the file has, never empty: cachestat(2) takes a length of 0 as 'to the
/// end'. A large folio may reach beyond the end of a file, and so may tmpfs (fallocate(2)).
inline byte_range part_with_pages(const byte_range& range, const struct stat& status) noexcept {
    if (!S_ISREG(status.st_mode)) return range;
    return {range.offset, std::max<std::int64_t>(range.end(status.st_size) - range.offset, 1)};
}

}  // namespace accv_cache::detail
