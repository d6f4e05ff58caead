// SPDX-License-Identifier: Apache-2.0
// The type of a file, without opening it.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// The type of the file that `path` resolves to, such as S_IFDIR; 0 if it cannot be read.
///
/// A type never changes, so attributes that a network file system has cached are enough. Old
/// container runtimes return EPERM for statx(2).
inline mode_t type_of(const char* path) noexcept {
    sys::extended_status extended{};
    const int flags = sys::statx_dont_sync | AT_NO_AUTOMOUNT;
    const int error = sys::statx(AT_FDCWD, path, flags, sys::statx_type, extended);
    if (error == 0) return extended.mode & S_IFMT;
    struct stat status{};
    const bool is_missing = error == -EPERM || error == -ENOSYS;
    return is_missing && sys::stat(path, status) == 0 ? status.st_mode & S_IFMT : 0;
}

/// Whether the kernel may keep pages for a file of this mode. A FIFO, a socket and a character
/// device have none, and opening one may wake its writer or start the device.
inline bool may_have_pages(mode_t mode) noexcept {
    return !S_ISFIFO(mode) && !S_ISCHR(mode) && !S_ISSOCK(mode);
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
