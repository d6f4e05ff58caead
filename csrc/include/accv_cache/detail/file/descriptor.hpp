// SPDX-License-Identifier: Apache-2.0
// The owner of an open file descriptor.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "accv_cache/detail/file/file_type.hpp"
#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Owns one open file descriptor, or remembers why there is none.
class descriptor {
public:
    descriptor() noexcept = default;

    /// To read, without waiting and without side effects.
    ///
    /// O_NONBLOCK: a FIFO without a writer, or a file under a write lease, answers at once instead
    /// of blocking (open(2), fcntl(2) "Leases"). O_NOCTTY: a terminal does not become ours.
    static constexpr int open_flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

    /// Opens `path` with these flags. May fail with EINTR, so that the caller can look at its
    /// signals before it tries again. What has no pages is not opened: the descriptor only names it
    /// (O_PATH).
    static descriptor open(const char* path) noexcept {
        const mode_t type = type_of(path);
        if (S_ISSOCK(type)) return own(-ENXIO);  // as open(2) says
        if (may_have_pages(type)) return own(sys::open(path, open_flags));
        const int refused = sys::access(path, R_OK);
        return own(refused != 0 ? refused : sys::open(path, O_PATH | O_CLOEXEC));
    }

    /// Another descriptor of the file that `fd` has open.
    static descriptor duplicate(int fd) noexcept { return own(sys::fcntl(fd, F_DUPFD_CLOEXEC)); }

    /// Owns what a system call has opened: a descriptor, or -errno.
    static descriptor own(int fd) noexcept { return descriptor(fd); }

    /// Gives the descriptor up to another owner.
    int release() noexcept { return std::exchange(fd_, -EBADF); }

    descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -EBADF)) {}
    descriptor& operator=(descriptor&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -EBADF);
        }
        return *this;
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() { reset(); }

    /// Leaves the access time of the file as it is, which mmap(2) would set (file_accessed). For
    /// the file's owner; others are refused, and lose nothing but that.
    void keep_access_time() const noexcept { sys::fcntl(fd_, F_SETFL, O_NONBLOCK | O_NOATIME); }

    explicit operator bool() const noexcept { return fd_ >= 0; }
    int get() const noexcept { return fd_; }

    /// The errno that kept it from being opened; 0 while it is open.
    int error() const noexcept { return fd_ < 0 ? -fd_ : 0; }

    /// Closes it. Linux frees the number even when close(2) fails, so there is no second try.
    void reset() noexcept {
        if (fd_ >= 0) sys::close(fd_);
        fd_ = -EBADF;
    }

private:
    explicit descriptor(int fd) noexcept : fd_(fd) {}

    int fd_ = -EBADF;  // negative: an errno
};

/// Whether a descriptor only names a file, being opened by O_PATH: what wants its pages gets EBADF.
inline bool only_names(int fd) noexcept {
    const int flags = sys::fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_PATH) != 0;
}

/// Whether this errno says that no more files can be open at once, in the process or the system.
inline bool is_out_of_descriptors(int error) noexcept { return error == EMFILE || error == ENFILE; }

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
