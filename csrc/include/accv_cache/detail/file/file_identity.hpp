// SPDX-License-Identifier: Apache-2.0
// The identity of a file: device and inode.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <functional>

#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// A file by device and inode, as stat(2) gives them.
struct file_identity {
    dev_t device = 0;
    ino_t inode = 0;

    static file_identity of(const struct stat& status) noexcept {
        return {status.st_dev, status.st_ino};
    }
    friend bool operator==(const file_identity& left, const file_identity& right) noexcept {
        return left.device == right.device && left.inode == right.inode;
    }
    friend bool operator!=(const file_identity& left, const file_identity& right) noexcept {
        return !(left == right);
    }
};

struct file_identity_hash {
    std::size_t operator()(const file_identity& file) const noexcept {
        return std::hash<std::uint64_t>()(file.inode * 31 + file.device);
    }
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
