// SPDX-License-Identifier: Apache-2.0
// The advice that posix_fadvise(2) gives about one open file.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdint>

#include "accv_cache/detail/file/byte_range.hpp"
#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Advises the kernel to evict the pages that lie wholly inside `range`. Returns 0 or -errno.
///
/// Not posix_madvise(3): in glibc its POSIX_MADV_DONTNEED does nothing.
inline int advise_evict(int fd, const byte_range& range) noexcept {
    return sys::posix_fadvise(fd, range.offset, range.length, POSIX_FADV_DONTNEED);
}

/// Finds out whether advice would succeed, without evicting anything. Files after one whose advice
/// fails must stay, so this must be known first. The threads of a call share one object.
class advice_rehearsal {
public:
    /// Advises eviction at an offset where no file has pages. Returns 0 or -errno.
    ///
    /// Advice is refused by a file system or by a filter of system calls, so one result holds for
    /// all files of the same device and type.
    int rehearse(int fd, const struct stat& status) noexcept {
        const std::uint64_t kind = static_cast<std::uint64_t>(status.st_dev) << type_bits |
                                   (status.st_mode & S_IFMT) >> 12;
        if (last_.load(std::memory_order_relaxed) == kind) return 0;
        constexpr std::int64_t nowhere = std::int64_t{1} << 62;
        const int error = advise_evict(fd, {nowhere, 1});
        if (error == 0) last_.store(kind, std::memory_order_relaxed);
        return error;
    }

private:
    static constexpr unsigned type_bits = 4;

    std::atomic<std::uint64_t> last_{~std::uint64_t{0}};  // a device number and a file type
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
