// SPDX-License-Identifier: Apache-2.0
// Waits for the writeback of one file, and finds out whether it failed.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <limits>

#include "accv_cache/detail/file/byte_range.hpp"
#include "accv_cache/detail/file/file_system.hpp"
#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Whether an error of sync_file_range(2) means that the call is missing, not that writeback
/// failed: in a sandbox, and in older versions of WSL.
inline bool is_sync_missing(int error) noexcept {
    return error == -ENOSYS || error == -EPERM || error == -EOPNOTSUPP;
}

/// Returns the -errno of an earlier writeback that failed and that the kernel has not reported yet,
/// or 0. It does not wait.
///
/// The pages of such a file are clean, and may be the only copy of its data. An error that fsync(2)
/// of another descriptor has returned is not reported again.
inline int failed_writeback(int fd, const struct stat& status) noexcept {
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode)) return 0;
    // No file has a page at this offset, so nothing is waited for; the error is that of the whole
    // file (mm/filemap.c, file_fdatawait_range).
    constexpr std::int64_t nowhere = std::int64_t{1} << 62;
    const int error = sys::sync_file_range(fd, nowhere, 1, SYNC_FILE_RANGE_WAIT_BEFORE);
    return is_sync_missing(error) || error == -EINVAL ? 0 : error;
}

/// Waits for the writeback of the file below one on overlayfs. Returns 0 or -errno.
///
/// The pages belong to the file below, which sync_file_range(2) does not reach. Neither does
/// fdatasync(2) where the overlay is mounted `volatile`, as container runtimes do, or where the
/// file is in a lower layer. FIEMAP_FLAG_SYNC reaches it (fs/overlayfs/inode.c, ovl_fiemap).
inline int write_back_below(int fd) noexcept {
    const int error = sys::sync_by_fiemap(fd);
    const bool unsupported = error == -EOPNOTSUPP || error == -ENOTTY || is_sync_missing(error);
    return unsupported ? sys::fdatasync(fd) : error;
}

/// Waits until the dirty pages of `range` are written back, so that they can be evicted. Returns 0
/// or -errno, where EINTR is worth another try.
///
/// sync_file_range(2) writes no metadata and waits for no journal. It is several times faster than
/// fdatasync(2), and does not make data durable. On overlayfs it returns 0 and does nothing. On NFS
/// written pages stay until a commit, which only fdatasync(2) requests.
inline int write_back(int fd, const byte_range& range) noexcept {
    const file_system_kind kind = file_system_of(fd);
    if (kind == file_system_kind::overlay) return write_back_below(fd);
    if (kind == file_system_kind::network) return sys::fdatasync(fd);
    constexpr unsigned wait_for_all =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    // Unlike posix_fadvise(2), it refuses a range whose end overflows off_t; 0: to the end.
    const std::int64_t most = std::numeric_limits<std::int64_t>::max() - range.offset;
    const std::int64_t length = range.length <= most ? range.length : 0;
    const int error = sys::sync_file_range(fd, range.offset, length, wait_for_all);
    return is_sync_missing(error) ? sys::fdatasync(fd) : error;
}

/// The same for the whole file, metadata included.
inline int write_all_back(int fd, const byte_range&) noexcept { return sys::fdatasync(fd); }

/// Tried in turn while pages are still dirty.
constexpr std::array write_back_tries{&write_back, &write_all_back};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
