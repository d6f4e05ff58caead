// SPDX-License-Identifier: Apache-2.0
// The advice that posix_fadvise(2) gives about one open file.
#pragma once

#include <fcntl.h>

#include <cstdint>

#include "accv_cache/detail/file/byte_range.hpp"
#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Advises the kernel to evict the pages that lie wholly inside `range`. Returns 0 or -errno.
///
/// Not posix_madvise(3): in glibc its POSIX_MADV_DONTNEED does nothing.
inline int advise_evict(int fd, const byte_range& range) noexcept {
    return sys::posix_fadvise(fd, range.offset, range.length, POSIX_FADV_DONTNEED);
}

/// Finds out whether advice about an open file would succeed, without evicting anything. Files
/// after one whose advice fails must stay, so this must be known first. Returns 0 or -errno.
///
/// Each file is asked, not one per file system: overlayfs passes advice on to the file of the layer
/// below, which it may have to open (ovl_fadvise).
inline int rehearse_advice(int fd) noexcept {
    constexpr std::int64_t nowhere = std::int64_t{1} << 62;  // no file has pages there
    return advise_evict(fd, {nowhere, 1});
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
