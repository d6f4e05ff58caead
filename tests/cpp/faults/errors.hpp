// SPDX-License-Identifier: Apache-2.0
// The errors that each system call may have, and which of them a test has tried.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace accv_cache::test {

/// The ERRORS sections of section 2 of the manual, and what network and FUSE servers add.
inline const std::map<std::string, std::vector<int>> man_pages = {
    {"open", {EACCES,     EAGAIN,       EBUSY,  EDQUOT, EINTR,  EINVAL,    EIO,    EISDIR,  ELOOP,
              EMFILE,     ENAMETOOLONG, ENFILE, ENODEV, ENOENT, ENOMEM,    ENOSPC, ENOTDIR, ENXIO,
              EOPNOTSUPP, EOVERFLOW,    EPERM,  EROFS,  ESTALE, ETIMEDOUT, ETXTBSY}},
    {"openat",
     {EACCES, EAGAIN, EBADF, EINTR, EIO, ELOOP, EMFILE, ENAMETOOLONG, ENFILE, ENOENT, ENOMEM,
      ENOTDIR, ENXIO, EOVERFLOW, EPERM, ESTALE}},
    {"openat2",
     {E2BIG, EACCES, EAGAIN, EBADF, EINTR, EINVAL, EIO, ELOOP, EMFILE, ENFILE, ENOENT, ENOMEM,
      ENOSYS, ENOTDIR, EPERM, EXDEV, ESTALE}},
    {"close", {EBADF, EDQUOT, EINTR, EIO, ENOSPC}},
    {"close_range", {EINVAL, EMFILE, ENOMEM, ENOSYS}},
    {"fcntl", {EACCES, EAGAIN, EBADF, EINVAL, EPERM}},
    {"read", {EAGAIN, EBADF, EINTR, EINVAL, EIO, EISDIR, ENODEV, ENOMEM, EPERM, ESRCH}},
    {"pread", {EAGAIN, EBADF, EINTR, EINVAL, EIO, EISDIR, ENOMEM, ESTALE, ETIMEDOUT}},
    {"lseek", {EBADF, EINVAL, ENXIO, EOVERFLOW}},
    {"stat",
     {EACCES, EBADF, EINTR, EIO, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EOVERFLOW, ESTALE}},
    {"fstat", {EACCES, EBADF, EINTR, EIO, ENOMEM, EOVERFLOW, ESTALE}},
    {"fstatat", {EACCES, EBADF, EINTR, EINVAL, EIO, ELOOP, ENOENT, ENOMEM, ENOTDIR, ESTALE}},
    {"statx",
     {EACCES, EBADF, EINTR, EINVAL, EIO, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOSYS, ENOTDIR,
      EPERM}},
    {"fstatfs", {EACCES, EBADF, EINTR, EIO, ENOMEM, ENOSYS, EOVERFLOW}},
    {"BLKGETSIZE64", {EBADF, EINVAL, ENOTTY, EPERM}},
    {"FS_IOC_FIEMAP", {EBADF, EINTR, EINVAL, EIO, ENOMEM, ENOSPC, ENOTTY, EOPNOTSUPP, EPERM}},
    {"access", {EACCES, EIO, ELOOP, ENOENT, ENOMEM, ENOTDIR}},
    {"realpath", {EACCES, EINVAL, EIO, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR}},
    {"readlink", {EACCES, EINVAL, EIO, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR}},
    {"fdopendir", {EBADF, ENOMEM, ENOTDIR}},
    {"readdir", {EBADF, EINTR, EIO, ENOENT}},
    {"closedir", {EBADF, EINTR}},
    {"posix_fadvise", {EBADF, EINVAL, ENOSYS, EPERM, ESPIPE}},
    {"sync_file_range", {EBADF, EINTR, EINVAL, EIO, ENOMEM, ENOSPC, ENOSYS, EPERM, ESPIPE}},
    {"fdatasync", {EBADF, EDQUOT, EINTR, EINVAL, EIO, ENOSPC, EROFS}},
    {"cachestat", {EBADF, EFAULT, EINVAL, ENOSYS, EOPNOTSUPP, EPERM}},
    {"mmap", {EACCES, EAGAIN, EBADF, EINVAL, ENFILE, ENODEV, ENOMEM, EOVERFLOW, EPERM}},
    {"madvise",
     {EACCES, EAGAIN, EBADF, EFAULT, EHWPOISON, EINTR, EINVAL, EIO, ENOMEM, ENOSYS, EPERM}},
    {"munmap", {EINVAL, ENOMEM}},
    {"mincore", {EAGAIN, EFAULT, EINVAL, ENOMEM}},
    {"pthread_create", {EAGAIN, EINVAL, EPERM}},
    {"pthread_join", {EDEADLK, EINVAL, ESRCH}},
    {"pthread_sigmask", {EINVAL}},
    {"sched_getaffinity", {EFAULT, EINVAL, EPERM, ESRCH}},
    {"getrlimit", {EFAULT, EINVAL, EPERM}},
    {"getrusage", {EFAULT, EINVAL}},
    {"getpid", {}},
    {"clock_gettime", {EINVAL, EPERM}},
};

/// All of them; under the thread sanitizer, which is slow and looks for races, the first.
inline std::vector<int> errors_of(const std::string& call) {
    std::vector<int> errors = man_pages.at(call);
#if defined(__SANITIZE_THREAD__)
    errors.resize(std::min<std::size_t>(errors.size(), 1));
#endif
    return errors;
}

inline std::string name_of(int error) { return ::strerrorname_np(error); }

/// Counts the runs with a fault, and prints their calls and errors as a table.
class tried_faults {
public:
    void add(const std::string& call, int error) {
        ++runs_;
        errors_[call].insert(error);
    }

    void print() const {
        std::size_t pairs = 0;
        for (const auto& [call, errors] : errors_) pairs += errors.size();
        std::printf("%zu runs, %zu pairs:\n", runs_, pairs);
        for (const auto& [call, errors] : errors_) {
            std::printf("| %s |", call.c_str());
            for (const int error : errors) std::printf(" %s", name_of(error).c_str());
            std::puts(" |");
        }
    }

private:
    std::size_t runs_ = 0;
    std::map<std::string, std::set<int>> errors_;
};

}  // namespace accv_cache::test
