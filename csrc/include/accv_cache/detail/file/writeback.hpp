// SPDX-License-Identifier: Apache-2.0
// Waiting for the writeback of one file.
#pragma once

#include <fcntl.h>

#include <cstdint>
#include <limits>

#include "accv_cache/detail/file/byte_range.hpp"
#include "accv_cache/detail/file/file_system.hpp"
#include "accv_cache/detail/system_calls.hpp"

namespace accv_cache::detail {

/// Waits until the dirty pages of `range` are written back, so that they can be evicted. Returns 0
/// or -errno.
///
/// sync_file_range(2) writes no metadata and waits for no journal, which is several times faster
/// than fdatasync(2), and no promise of durability. On overlayfs it returns 0 and does nothing;
/// on NFS written pages stay until a commit, which only fdatasync(2) asks for.
inline int write_back(int fd, const byte_range& range) noexcept {
    const file_system_kind kind = file_system_of(fd);
    if (kind != file_system_kind::overlay && kind != file_system_kind::network) {
        constexpr unsigned wait_for_all =
            SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
        // Unlike posix_fadvise(2) it refuses a range whose end is no off_t; 0: to the end.
        const std::int64_t most = std::numeric_limits<std::int64_t>::max() - range.offset;
        const std::int64_t length = range.length <= most ? range.length : 0;
        return sys::sync_file_range(fd, range.offset, length, wait_for_all);
    }
    return sys::fdatasync(fd);
}

}  // namespace accv_cache::detail
