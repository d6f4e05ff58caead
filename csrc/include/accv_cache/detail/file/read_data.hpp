// SPDX-License-Identifier: Apache-2.0
// The parts of a file that are not holes.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "accv_cache/detail/file/read_residency.hpp"
#include "accv_cache/detail/file/span_arithmetic.hpp"
#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Whether the file has fewer blocks than its size needs. Without such a file no hole is looked
/// for.
inline bool may_have_holes(const struct stat& status) noexcept {
    constexpr std::int64_t block = 512;  // of st_blocks, see inode(7)
    return S_ISREG(status.st_mode) && status.st_blocks < status.st_size / block;
}

/// The pages of [start, stop) that hold data, by SEEK_DATA and SEEK_HOLE of lseek(2). It moves the
/// offset of `fd`. Where the file system does not tell, or it was stopped, the rest counts as data.
inline page_spans read_data(int fd, std::int64_t start, std::int64_t stop,
                            const keep_going& go_on) {
    page_spans data;
    while (start < stop) {
        const off_t first = sys::lseek(fd, start, SEEK_DATA);
        if (first == -ENXIO) break;  // the rest is a hole
        const off_t hole = first < 0 ? first : sys::lseek(fd, first, SEEK_HOLE);
        const bool is_told = hole > first && (!go_on || go_on());
        add_pages(data, is_told ? std::min<std::int64_t>(first, stop) : start,
                  is_told ? std::min<std::int64_t>(hole, stop) : stop);
        start = is_told ? hole : stop;
    }
    return data;
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
