// SPDX-License-Identifier: Apache-2.0
// Stands in for the core's header of the same name: every system call, with the hook around it.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "../../hook.hpp"

// The core's own header, in another namespace. What it includes is included above, so that the
// name is changed in that header alone.
#define sys unhooked
#include "../../../../../csrc/include/accv_cache/detail/system_calls.hpp"
#undef sys

namespace accv_cache::detail::sys {

using unhooked::cachestat_pages;
using unhooked::cachestat_range;
using unhooked::close_range_unshare;
using unhooked::cold;
using unhooked::device_number;
using unhooked::extended_status;
using unhooked::open_how;
using unhooked::populate_read;
using unhooked::resolve_beneath;
using unhooked::resolve_no_magiclinks;
using unhooked::resolve_no_symlinks;
using unhooked::statx_birth;
using unhooked::statx_dont_sync;
using unhooked::statx_inode;
using unhooked::statx_is_mount_root;
using unhooked::statx_mount;
using unhooked::statx_type;

template <class Signature>
class hooked;

template <class Result, class... Arguments>
class hooked<Result (*)(Arguments...) noexcept> {
public:
    using function = Result (*)(Arguments...) noexcept;

    /// `gives_back`: it is made even when it is to fail, or the test itself would leak.
    constexpr hooked(const char* name, function call, bool gives_back = false) noexcept
        : name_(name), call_(call), gives_back_(gives_back) {}

    Result operator()(Arguments... arguments) const noexcept {
        if (!test::before_call) return call_(arguments...);
        const test::subject about = test::subject_of(arguments...);
        const test::call_site site{name_, about, test::inode_of(about)};
        const int error = test::before_call(site);
        if (error != 0 && !gives_back_) return static_cast<Result>(-error);
        const Result told = call_(arguments...);
        if (error != 0) return static_cast<Result>(-error);
        if (test::after_call) test::after_call(site);
        return told;
    }

private:
    const char* name_;
    function call_;
    bool gives_back_;
};

template <class Function, class... Rest>
hooked(const char*, Function, Rest...) -> hooked<Function>;

inline constexpr hooked open{"open", unhooked::open};
inline constexpr hooked openat{"openat", unhooked::openat};
inline constexpr hooked openat2{"openat2", unhooked::openat2};
inline constexpr hooked close{"close", unhooked::close, true};
inline constexpr hooked close_range{"close_range", unhooked::close_range};
inline constexpr hooked read{"read", unhooked::read};
inline constexpr hooked pread{"pread", unhooked::pread};
inline constexpr hooked lseek{"lseek", unhooked::lseek};
inline constexpr hooked stat{"stat", unhooked::stat};
inline constexpr hooked fstat{"fstat", unhooked::fstat};
inline constexpr hooked fstatat{"fstatat", unhooked::fstatat};
inline constexpr hooked statx{"statx", unhooked::statx};
inline constexpr hooked fstatfs{"fstatfs", unhooked::fstatfs};
inline constexpr hooked block_device_size{"BLKGETSIZE64", unhooked::block_device_size};
inline constexpr hooked access{"access", unhooked::access};
inline constexpr hooked readlink{"readlink", unhooked::readlink};
inline constexpr hooked realpath{"realpath", unhooked::realpath};
inline constexpr hooked fdopendir{"fdopendir", unhooked::fdopendir};
inline constexpr hooked readdir{"readdir", unhooked::readdir};
inline constexpr hooked closedir{"closedir", unhooked::closedir, true};
inline constexpr hooked posix_fadvise{"posix_fadvise", unhooked::posix_fadvise};
inline constexpr hooked sync_file_range{"sync_file_range", unhooked::sync_file_range};
inline constexpr hooked fdatasync{"fdatasync", unhooked::fdatasync};
inline constexpr hooked sync_by_fiemap{"FS_IOC_FIEMAP", unhooked::sync_by_fiemap};
inline constexpr hooked mmap{"mmap", unhooked::mmap};
inline constexpr hooked reserve{"mmap", unhooked::reserve};
inline constexpr hooked mmap_at{"mmap", unhooked::mmap_at};
inline constexpr hooked madvise{"madvise", unhooked::madvise};
inline constexpr hooked munmap{"munmap", unhooked::munmap, true};
inline constexpr hooked mincore{"mincore", unhooked::mincore};
inline constexpr hooked pthread_create{"pthread_create", unhooked::pthread_create};
inline constexpr hooked pthread_join{"pthread_join", unhooked::pthread_join, true};
inline constexpr hooked pthread_sigmask{"pthread_sigmask", unhooked::pthread_sigmask};
inline constexpr hooked sched_getaffinity{"sched_getaffinity", unhooked::sched_getaffinity};
inline constexpr hooked getpid{"getpid", unhooked::getpid};
inline constexpr hooked getrlimit_nofile{"getrlimit", unhooked::getrlimit_nofile};
inline constexpr hooked getrusage_thread{"getrusage", unhooked::getrusage_thread};
inline constexpr hooked clock_gettime{"clock_gettime", unhooked::clock_gettime};

inline int cachestat(int fd, const cachestat_range& range, cachestat_pages& pages) noexcept {
    constexpr hooked call{"cachestat", unhooked::cachestat};
    const int error = call(fd, range, pages);
    if (error == 0 && test::after_cachestat) test::after_cachestat(pages.cached, pages.evicted);
    return error;
}

inline int fcntl(int fd, int command, int argument = 0) noexcept {
    constexpr hooked call{"fcntl", unhooked::fcntl};
    return call(fd, command, argument);
}

}  // namespace accv_cache::detail::sys
