// SPDX-License-Identifier: Apache-2.0
// The advice that posix_fadvise(2) gives about one open file.
#pragma once

#include <fcntl.h>

#include "accv_cache/detail/file/byte_range.hpp"
#include "accv_cache/detail/system_calls.hpp"

namespace accv_cache::detail {

/// Advises the kernel to evict the pages that lie wholly inside `range`. Returns 0 or -errno.
///
/// Not posix_madvise(3): in glibc its POSIX_MADV_DONTNEED does nothing.
inline int advise_evict(int fd, const byte_range& range) noexcept {
    return sys::posix_fadvise(fd, range.offset, range.length, POSIX_FADV_DONTNEED);
}

/// Whether advice on `fd` would be taken, without giving any that evicts. Returns 0 or -errno.
///
/// For a descriptor of our own only: it resets the read-ahead setting of an open file.
inline int rehearse_advice(int fd) noexcept {
    return sys::posix_fadvise(fd, 0, 0, POSIX_FADV_NORMAL);
}

}  // namespace accv_cache::detail
