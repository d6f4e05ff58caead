// SPDX-License-Identifier: Apache-2.0
// Opens a file below a directory, and never one outside of it.
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

/// Opens `path` directory by directory. Only the last part is opened with `flags`.
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

/// Opens `path` relative to `folder`, and follows no link in it, so the owner of a part of the tree
/// cannot lead it outside. `path` may have any length and must not contain "..".
inline descriptor open_below(int folder, const char* path, int flags) noexcept {
    const sys::open_how how{static_cast<unsigned>(flags), 0, sys::resolve_no_symlinks};
    const int opened = sys::openat2(folder, path, how);
    // Linux before 5.6 has no such call. Old container runtimes return EPERM for calls that they do
    // not know. No call accepts a path longer than PATH_MAX.
    const bool by_parts = opened == -ENOSYS || opened == -EPERM || opened == -ENAMETOOLONG;
    return by_parts ? open_below_by_parts(folder, path, flags) : descriptor::own(opened);
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
