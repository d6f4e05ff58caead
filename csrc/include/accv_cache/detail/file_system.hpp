#pragma once

#include <sys/vfs.h>

namespace accv_cache::detail {

/// What the kind of a file system changes for the page cache of its files.
enum class file_system_kind {
    ordinary,
    memory,   ///< tmpfs, ramfs, hugetlbfs: the page cache is the only copy.
    overlay,  ///< The pages belong to the file of the layer below.
    fuse,     ///< The pages may belong to a backing file (passthrough).
    network,  ///< Written pages stay unstable until a commit: NFS.
};

/// Asks for the kind by the magic number of statfs(2).
inline file_system_kind file_system_of(int fd) noexcept {
    struct statfs status{};
    if (::fstatfs(fd, &status) != 0) return file_system_kind::ordinary;
    switch (static_cast<unsigned>(status.f_type)) {
        case 0x01021994:  // tmpfs
        case 0x858458f6:  // ramfs
        case 0x958458f6:  // hugetlbfs
            return file_system_kind::memory;
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

}  // namespace accv_cache::detail
