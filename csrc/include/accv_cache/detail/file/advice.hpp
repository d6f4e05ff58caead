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

/// Finds out whether advice would be taken, without evicting anything: files behind one whose
/// advice fails must stay, so that must be known before. The threads of a call share it.
class advice_rehearsal {
public:
    /// Gives the advice of eviction for a place where no file has pages. Returns 0 or -errno.
    ///
    /// What refuses advice is a file system, or a filter of system calls, so one file of a device
    /// and type stands for the next ones.
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

    std::atomic<std::uint64_t> last_{~std::uint64_t{0}};  // a device number, and a type
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
