// SPDX-License-Identifier: Apache-2.0
// The status of an open file, with the size also for a block device.
#pragma once

#include <sys/stat.h>

#include <cerrno>
#include <cstdint>

#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Whether a file has a size and pages up to it: a regular file or a block device.
inline bool has_size(const struct stat& status) noexcept {
    return S_ISREG(status.st_mode) || S_ISBLK(status.st_mode);
}

/// fstat(2), with the size of the device in `st_size` of a block device. Returns 0 or -errno.
inline int read_status(int fd, struct stat& status) noexcept {
    if (const int error = sys::fstat(fd, status)) return error;
    if (!S_ISBLK(status.st_mode)) return 0;
    std::uint64_t bytes = 0;
    // O_PATH does not open the device: there is no size, and calls on its pages fail.
    const int error = sys::block_device_size(fd, bytes);
    if (error == 0) status.st_size = static_cast<off_t>(bytes);
    return error == -EBADF ? 0 : error;
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
