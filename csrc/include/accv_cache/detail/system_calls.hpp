// SPDX-License-Identifier: Apache-2.0
// Every system call of the core, as a thin wrapper that returns its result or -errno.
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

#include "accv_cache/version.hpp"

/// The system calls of the core, under their own names. A test build puts another header of this
/// name first in its include path, where each call can be made to fail.
namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail::sys {

/// The result of a call, or -errno where the call returned -1.
template <class Result>
Result or_error(Result told) noexcept {
    return told != Result{-1} ? told : static_cast<Result>(-errno);
}

// ---- numbers of calls that a C library may not know
// ----------------------------------------------

// <sys/syscall.h> would define hundreds of macros in every program that includes the library.
#if defined(__alpha__)
constexpr long number_offset = 110;
#elif defined(__mips__) && defined(_ABIO32) && _MIPS_SIM == _ABIO32
constexpr long number_offset = 4000;
#elif defined(__mips__) && defined(_ABIN32) && _MIPS_SIM == _ABIN32
constexpr long number_offset = 6000;
#elif defined(__mips__)
constexpr long number_offset = 5000;
#elif defined(__x86_64__) && defined(__ILP32__)
constexpr long number_offset = 0x40000000;
#else
constexpr long number_offset = 0;
#endif
// From number 424 on, a call has the same number on every architecture, plus this offset.
constexpr long close_range_number = number_offset + 436;  // Linux 5.9
constexpr long openat2_number = number_offset + 437;      // Linux 5.6
constexpr long cachestat_number = number_offset + 451;    // Linux 6.5

// statx(2), Linux 4.11, has an older number. glibc has had it since 2.28.
#if defined(__x86_64__)
constexpr long statx_number = number_offset + 332;
#elif defined(__i386__) || defined(__powerpc__)
constexpr long statx_number = 383;
#elif defined(__arm__)
constexpr long statx_number = 397;
#elif defined(__s390__)
constexpr long statx_number = 379;
#elif defined(__sparc__)
constexpr long statx_number = 360;
#elif defined(__alpha__)
constexpr long statx_number = 522;
#elif defined(__mips__)
constexpr long statx_number = number_offset + (number_offset == 4000   ? 366
                                               : number_offset == 5000 ? 326
                                                                       : 330);
#else
constexpr long statx_number = 291;
#endif

// ---- opening and closing
// -------------------------------------------------------------------------

inline int open(const char* path, int flags) noexcept { return or_error(::open(path, flags)); }

inline int openat(int folder, const char* path, int flags) noexcept {
    return or_error(::openat(folder, path, flags));
}

/// What openat2(2) takes: `struct open_how`.
struct open_how {
    std::uint64_t flags;
    std::uint64_t mode;
    std::uint64_t resolve;
};
constexpr std::uint64_t resolve_no_magiclinks = 0x02;
constexpr std::uint64_t resolve_no_symlinks = 0x04;
constexpr std::uint64_t resolve_beneath = 0x08;

inline int openat2(int folder, const char* path, const open_how& how) noexcept {
    return static_cast<int>(or_error(::syscall(openat2_number, folder, path, &how, sizeof how)));
}

inline int close(int fd) noexcept { return or_error(::close(fd)); }

constexpr unsigned close_range_unshare = 2;

inline int close_range(unsigned first, unsigned last, unsigned flags) noexcept {
    return static_cast<int>(or_error(::syscall(close_range_number, first, last, flags)));
}

inline int fcntl(int fd, int command, int argument = 0) noexcept {
    return or_error(::fcntl(fd, command, argument));
}

inline ssize_t read(int fd, void* buffer, std::size_t bytes) noexcept {
    return or_error(::read(fd, buffer, bytes));
}

inline ssize_t pread(int fd, void* buffer, std::size_t bytes, off_t offset) noexcept {
    return or_error(::pread(fd, buffer, bytes, offset));
}

inline off_t lseek(int fd, off_t offset, int whence) noexcept {
    return or_error(::lseek(fd, offset, whence));
}

// ---- what a name or a descriptor stands for
// ------------------------------------------------------

inline int stat(const char* path, struct stat& status) noexcept {
    return or_error(::stat(path, &status));
}

inline int fstat(int fd, struct stat& status) noexcept { return or_error(::fstat(fd, &status)); }

inline int fstatat(int folder, const char* path, struct stat& status, int flags) noexcept {
    return or_error(::fstatat(folder, path, &status, flags));
}

/// Combines the two parts of a device number as the C library does.
constexpr dev_t device_number(unsigned major_part, unsigned minor_part) noexcept {
    const auto high = static_cast<std::uint64_t>(major_part);
    const auto low = static_cast<std::uint64_t>(minor_part);
    return static_cast<dev_t>((high & 0xfffff000) << 32 | (high & 0xfff) << 8 |
                              (low & 0xffffff00) << 12 | (low & 0xff));
}

/// What statx(2) returns: `struct statx`, with names for the fields that the core reads.
struct extended_status {
    std::uint32_t mask;  ///< The fields that the file system filled in.
    std::uint32_t unused_1;
    std::uint64_t attributes;
    std::uint32_t unused_2[3];
    std::uint16_t mode;
    std::uint16_t unused_3;
    std::uint64_t inode;
    std::uint64_t size;
    std::uint64_t unused_4[4];
    std::int64_t birth_seconds;  ///< When the file was created.
    std::uint32_t birth_nanoseconds;
    std::uint32_t unused_6[9];
    std::uint32_t node_major;  ///< Of the device that a node stands for.
    std::uint32_t node_minor;
    std::uint32_t device_major;  ///< Of the device that holds the file.
    std::uint32_t device_minor;
    std::uint64_t mount;
    std::uint64_t unused_5[13];

    dev_t device() const noexcept { return device_number(device_major, device_minor); }
};
static_assert(sizeof(extended_status) == 256, "the kernel writes 256 bytes");

constexpr unsigned statx_type = 0x1;
constexpr unsigned statx_inode = 0x100;
constexpr unsigned statx_birth = 0x800;
constexpr unsigned statx_mount = 0x1000;  // Linux 5.8
/// Of the attributes: something is mounted there, and this is its root. Linux 5.8.
constexpr std::uint64_t statx_is_mount_root = 0x2000;
/// A network file system may use cached attributes and asks no server.
constexpr int statx_dont_sync = 0x4000;

inline int statx(int folder, const char* path, int flags, unsigned mask,
                 extended_status& status) noexcept {
    return static_cast<int>(or_error(::syscall(statx_number, folder, path, flags, mask, &status)));
}

inline int fstatfs(int fd, struct statfs& status) noexcept {
    return or_error(::fstatfs(fd, &status));
}

/// The size of a block device, by ioctl(2) BLKGETSIZE64.
inline int block_device_size(int fd, std::uint64_t& bytes) noexcept {
    return or_error(::ioctl(fd, _IOR(0x12, 114, std::size_t), &bytes));
}

inline int access(const char* path, int mode) noexcept { return or_error(::access(path, mode)); }

inline ssize_t readlink(const char* path, char* target, std::size_t bytes) noexcept {
    return or_error(::readlink(path, target, bytes));
}

/// `resolved` is from malloc(3).
inline int realpath(const char* path, char*& resolved) noexcept {
    resolved = ::realpath(path, nullptr);
    return resolved != nullptr ? 0 : -errno;
}

// ---- listing
// -------------------------------------------------------------------------------------

/// The descriptor belongs to `directory` if that is given.
inline int fdopendir(int fd, DIR*& directory) noexcept {
    directory = ::fdopendir(fd);
    return directory != nullptr ? 0 : -errno;
}

/// At the end, `entry` is nullptr. Only errno tells the end from an error (readdir(3)).
inline int readdir(DIR* directory, const dirent*& entry) noexcept {
    errno = 0;
    entry = ::readdir(directory);
    return entry != nullptr ? 0 : -errno;
}

inline int closedir(DIR* directory) noexcept { return or_error(::closedir(directory)); }

// ---- the page cache
// ------------------------------------------------------------------------------

/// posix_fadvise(3) returns its error instead of setting errno.
inline int posix_fadvise(int fd, off_t offset, off_t length, int advice) noexcept {
    return -::posix_fadvise(fd, offset, length, advice);
}

inline int sync_file_range(int fd, off_t offset, off_t length, unsigned flags) noexcept {
    return or_error(::sync_file_range(fd, offset, length, flags));
}

inline int fdatasync(int fd) noexcept { return or_error(::fdatasync(fd)); }

/// ioctl(2) FS_IOC_FIEMAP with FIEMAP_FLAG_SYNC, which writes the whole file back and waits. It
/// requests only the number of extents of one byte.
inline int sync_by_fiemap(int fd) noexcept {
    struct {  // struct fiemap
        std::uint64_t start = 0;
        std::uint64_t length = 1;
        std::uint32_t flags = 1;  // FIEMAP_FLAG_SYNC
        std::uint32_t mapped_extents = 0;
        std::uint32_t extent_count = 0;
        std::uint32_t reserved = 0;
    } map;
    return or_error(::ioctl(fd, _IOWR('f', 11, map), &map));
}

/// The range of cachestat(2), in bytes; a length of 0 means 'to the end'.
struct cachestat_range {
    std::uint64_t offset;
    std::uint64_t length;
};

/// The result of cachestat(2), in pages.
struct cachestat_pages {
    std::uint64_t cached;
    std::uint64_t dirty;
    std::uint64_t writeback;
    std::uint64_t evicted;
    std::uint64_t recently_evicted;
};

inline int cachestat(int fd, const cachestat_range& range, cachestat_pages& pages) noexcept {
    return static_cast<int>(or_error(::syscall(cachestat_number, fd, &range, &pages, 0U)));
}

/// Maps a part of a file, read-only and shared.
inline int mmap(int fd, off_t offset, std::size_t bytes, void*& start) noexcept {
    start = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, offset);
    return start != MAP_FAILED ? 0 : -errno;
}

/// Takes a part of the address space for `mmap_at`.
inline int reserve(std::size_t bytes, void*& start) noexcept {
    constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    start = ::mmap(nullptr, bytes, PROT_NONE, flags, -1, 0);
    return start != MAP_FAILED ? 0 : -errno;
}

/// Maps a part of a file, read-only and shared, in place of what is reserved there.
inline int mmap_at(void* start, std::size_t bytes, int fd, off_t offset) noexcept {
    const void* const at = ::mmap(start, bytes, PROT_READ, MAP_SHARED | MAP_FIXED, fd, offset);
    return at != MAP_FAILED ? 0 : -errno;
}

/// Advice about a mapping, which Linux has since 5.14; <sys/mman.h> may not know it.
constexpr int cold = 20;           // MADV_COLD
constexpr int populate_read = 22;  // MADV_POPULATE_READ

inline int madvise(void* start, std::size_t bytes, int advice) noexcept {
    return or_error(::madvise(start, bytes, advice));
}

inline int munmap(void* start, std::size_t bytes) noexcept {
    return or_error(::munmap(start, bytes));
}

inline int mincore(void* start, std::size_t bytes, unsigned char* pages) noexcept {
    return or_error(::mincore(start, bytes, pages));
}

// ---- threads and time
// ----------------------------------------------------------------------------

inline int pthread_create(pthread_t& thread, void* (*body)(void*), void* argument) noexcept {
    return -::pthread_create(&thread, nullptr, body, argument);
}

inline int pthread_join(pthread_t thread) noexcept { return -::pthread_join(thread, nullptr); }

inline int pthread_sigmask(int how, const sigset_t& set, sigset_t* before) noexcept {
    return -::pthread_sigmask(how, &set, before);
}

inline int sched_getaffinity(std::size_t bytes, cpu_set_t* cpus) noexcept {
    return or_error(::sched_getaffinity(0, bytes, cpus));
}

inline int getrlimit_nofile(rlimit& limit) noexcept {
    return or_error(::getrlimit(RLIMIT_NOFILE, &limit));
}

inline int getrusage_thread(rusage& usage) noexcept {
    return or_error(::getrusage(RUSAGE_THREAD, &usage));
}

inline pid_t getpid() noexcept { return ::getpid(); }

inline int clock_gettime(timespec& now) noexcept {
    return or_error(::clock_gettime(CLOCK_MONOTONIC, &now));
}

}  // namespace detail::sys
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
