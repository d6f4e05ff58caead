// SPDX-License-Identifier: Apache-2.0
// What the kind of a file system changes for the page cache of its files.
#pragma once

#include <sys/stat.h>
#include <sys/vfs.h>

#include <atomic>
#include <cstdint>

#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// What the kind of a file system changes for the page cache of its files.
enum class file_system_kind {
    ordinary,
    memory,      ///< tmpfs, ramfs: the page cache is the only copy.
    huge_pages,  ///< hugetlbfs: memory outside the page cache.
    overlay,     ///< The pages belong to the file of the layer below.
    fuse,        ///< The pages may belong to a backing file (passthrough).
    network,     ///< Written pages stay unstable until a commit: NFS.
    unknown,     ///< statfs(2) failed: any of these.
};

/// Reads the kind from the magic number of statfs(2).
inline file_system_kind file_system_of(int fd) noexcept {
    struct statfs status{};
    if (sys::fstatfs(fd, status) != 0) return file_system_kind::unknown;
    switch (static_cast<unsigned>(status.f_type)) {
        case 0x01021994:  // tmpfs
        case 0x858458f6:  // ramfs
            return file_system_kind::memory;
        case 0x958458f6:
            return file_system_kind::huge_pages;
        case 0x794c7630:
            return file_system_kind::overlay;
        case 0x65735546:
            return file_system_kind::fuse;
        case 0x6969:
            return file_system_kind::network;
        default:
            return file_system_kind::ordinary;
    }
}

/// Whether advice may fail for a file although its rehearsal did not. overlayfs passes advice on to
/// the file of a layer below, which it may have to open (ovl_fadvise). Elsewhere advice depends on
/// nothing that changes (mm/fadvise.c, generic_fadvise).
constexpr bool may_refuse_advice(file_system_kind kind) noexcept {
    return kind == file_system_kind::overlay || kind == file_system_kind::unknown;
}

/// Whether readdir(3) returns the same inode numbers as stat(2). On other file systems they may be
/// those of the layer below (overlayfs), chosen by the server (FUSE) or temporary (FAT).
inline bool entries_tell_inodes(int fd) noexcept {
    struct statfs status{};
    if (sys::fstatfs(fd, status) != 0) return false;
    switch (static_cast<unsigned>(status.f_type)) {
        case 0x0000ef53:  // ext2, ext3, ext4
        case 0x58465342:  // XFS
        case 0x9123683e:  // Btrfs
        case 0xf2f52010:  // F2FS
        case 0x01021994:  // tmpfs
        case 0x00006969:  // NFS
            return true;
        default:
            return false;
    }
}

/// Caches the kind of the last file's file system, so that fstatfs(2) is called once per list, not
/// once per file. The threads of a call share one object.
class file_system_lookup {
public:
    file_system_kind of(int fd, const struct stat& status) noexcept {
        // The node of a device is on devtmpfs, a tmpfs, but the device's pages are not.
        if (S_ISBLK(status.st_mode)) return file_system_kind::ordinary;
        const std::uint64_t device = static_cast<std::uint64_t>(status.st_dev) << kind_bits;
        const std::uint64_t last = last_.load(std::memory_order_relaxed);
        if (last >> kind_bits << kind_bits == device && last != nothing)
            return static_cast<file_system_kind>(last & kind_mask);
        const file_system_kind kind = file_system_of(fd);
        if (kind == file_system_kind::unknown) return kind;  // it may succeed for the next file
        last_.store(device | static_cast<std::uint64_t>(kind), std::memory_order_relaxed);
        return kind;
    }

private:
    static constexpr unsigned kind_bits = 3;
    static constexpr std::uint64_t kind_mask = 7;
    static constexpr std::uint64_t nothing = ~std::uint64_t{0};

    std::atomic<std::uint64_t> last_{nothing};  // a device number with the kind in its low bits
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
