// SPDX-License-Identifier: Apache-2.0
// The identity of a file: device and inode.
#pragma once

#if defined(__linux__)
#include <sys/stat.h>
#endif

#include <cstddef>
#include <cstdint>
#include <functional>

#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {

/// A file by device and inode, as stat(2) gives them. It stays the same where the file is renamed,
/// or deleted while somebody holds it.
struct file_identity {
    std::uint64_t device = 0;  ///< st_dev
    std::uint64_t inode = 0;   ///< st_ino

#if defined(__linux__)
    /// The identity of the file that has this status.
    static file_identity of(const struct stat& status) noexcept {
        return {status.st_dev, status.st_ino};
    }
#endif
    /// Whether there is one: device and inode are not both 0.
    bool known() const noexcept { return device != 0 || inode != 0; }

    /// Whether both are the same file.
    friend bool operator==(const file_identity& left, const file_identity& right) noexcept {
        return left.device == right.device && left.inode == right.inode;
    }
    /// Whether they are two files.
    friend bool operator!=(const file_identity& left, const file_identity& right) noexcept {
        return !(left == right);
    }
};

namespace detail {

struct file_identity_hash {
    std::size_t operator()(const file_identity& file) const noexcept {
        return std::hash<std::uint64_t>()(file.inode * 31 + file.device);
    }
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
