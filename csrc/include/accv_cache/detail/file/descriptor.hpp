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

/// Owns one open file descriptor, or holds the errno that says why there is none.
class descriptor {
public:
    descriptor() noexcept = default;

    /// Opens for reading, without waiting and without side effects.
    ///
    /// O_NONBLOCK: a FIFO without a writer, or a file under a write lease, returns at once instead
    /// of blocking (open(2), fcntl(2) "Leases"). O_NOCTTY: a terminal does not become the
    /// controlling one.
    static constexpr int open_flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

    /// Opens `path` with these flags. It may fail with EINTR; the caller then handles its signals
    /// and tries again. A file without pages is opened with O_PATH only.
    static descriptor open(const char* path) noexcept {
        const mode_t type = type_of(path);
        if (S_ISSOCK(type)) return own(-ENXIO);  // as open(2) says
        if (may_have_pages(type)) return own(sys::open(path, open_flags));
        const int refused = sys::access(path, R_OK);
        return own(refused != 0 ? refused : sys::open(path, O_PATH | O_CLOEXEC));
    }

    /// Another descriptor of the file that `fd` has open.
    static descriptor duplicate(int fd) noexcept { return own(sys::fcntl(fd, F_DUPFD_CLOEXEC)); }

    /// Owns the result of a system call: a descriptor, or -errno.
    static descriptor own(int fd) noexcept { return descriptor(fd); }

    /// Returns the descriptor to another owner.
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

    /// Keeps mmap(2) from updating the access time of the file (file_accessed). Only the file's
    /// owner may ask for this; for others the access time changes.
    void keep_access_time() const noexcept { sys::fcntl(fd_, F_SETFL, O_NONBLOCK | O_NOATIME); }

    explicit operator bool() const noexcept { return fd_ >= 0; }
    int get() const noexcept { return fd_; }

    /// The errno of opening it; 0 while it is open.
    int error() const noexcept { return fd_ < 0 ? -fd_ : 0; }

    /// Closes it. Linux frees the number even when close(2) fails, so close(2) is never retried.
    void reset() noexcept {
        if (fd_ >= 0) sys::close(fd_);
        fd_ = -EBADF;
    }

private:
    explicit descriptor(int fd) noexcept : fd_(fd) {}

    int fd_ = -EBADF;  // negative: an errno
};

/// Whether a descriptor was opened with O_PATH, so that calls on the file's pages fail with EBADF.
inline bool only_names(int fd) noexcept {
    const int flags = sys::fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_PATH) != 0;
}

/// Whether this errno means that the process or the system has too many open files.
inline bool is_out_of_descriptors(int error) noexcept { return error == EMFILE || error == ENFILE; }

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
