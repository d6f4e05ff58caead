// SPDX-License-Identifier: Apache-2.0
// Opening what lies below a directory, without being led out of it.
#pragma once

#include <fcntl.h>
#include <limits.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "accv_cache/detail/file/descriptor.hpp"
#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Opens `path` directory by directory. Only the last is opened to do anything with it.
inline descriptor open_below_by_parts(int folder, const char* path, int flags) noexcept {
    descriptor parent;
    while (const char* const slash = std::strchr(path, '/')) {
        char part[PATH_MAX];
        const auto length = static_cast<std::size_t>(slash - path);
        if (length >= sizeof part) return descriptor::own(-ENAMETOOLONG);
        std::memcpy(part, path, length);
        part[length] = '\0';
        constexpr int only_a_directory = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        descriptor next = descriptor::own(sys::openat(folder, part, only_a_directory));
        if (!next) return next;
        parent = std::move(next);
        folder = parent.get();
        path = slash + 1;
    }
    return descriptor::own(sys::openat(folder, path, flags | O_NOFOLLOW));
}

/// Opens `path`, a relative one of any length without "..", below `folder`, and follows no link in
/// it: whoever owns a part of the tree cannot lead this to a place outside.
inline descriptor open_below(int folder, const char* path, int flags) noexcept {
    const sys::open_how how{static_cast<unsigned>(flags), 0, sys::resolve_no_symlinks};
    const int opened = sys::openat2(folder, path, how);
    // Before Linux 5.6 there is no such call; old container runtimes answer EPERM to what they do
    // not know; and no call takes a path longer than PATH_MAX.
    const bool by_parts = opened == -ENOSYS || opened == -EPERM || opened == -ENAMETOOLONG;
    return by_parts ? open_below_by_parts(folder, path, flags) : descriptor::own(opened);
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
