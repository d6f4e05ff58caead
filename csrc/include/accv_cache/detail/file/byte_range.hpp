// SPDX-License-Identifier: Apache-2.0
// The arithmetic of byte ranges and pages.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

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

/// Rounds down in the last page of the largest file, whose end overflows int64_t.
inline std::int64_t round_up_to_page(std::int64_t bytes) noexcept {
    const std::int64_t page = page_size();
    const std::int64_t most = std::numeric_limits<std::int64_t>::max() / page * page;
    return bytes > most ? most : (bytes + page - 1) / page * page;
}

/// The largest folio that the page cache uses: what one entry of a page directory maps
/// (include/linux/pagemap.h, MAX_PAGECACHE_ORDER). 2 MiB where pages are 4 KiB.
inline std::int64_t largest_folio() noexcept { return page_size() * (page_size() / 8); }

/// The largest possible residency of `range` in a file of `size` bytes: all pages that it touches.
inline std::int64_t most_resident(const byte_range& range, std::int64_t size) noexcept {
    const std::int64_t page = page_size();
    const std::int64_t end = range.end(size);
    if (end <= range.offset) return 0;
    const std::int64_t pages = (end - 1) / page - range.offset / page + 1;
    return std::min(pages, std::numeric_limits<std::int64_t>::max() / page) * page;
}

/// The part of `range` inside a file of `size` bytes. It is never empty, because for cachestat(2) a
/// length of 0 means 'to the end'.
inline byte_range part_of_file(const byte_range& range, std::int64_t size) noexcept {
    return {range.offset, std::max<std::int64_t>(range.end(size) - range.offset, 1)};
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
