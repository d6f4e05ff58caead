// SPDX-License-Identifier: Apache-2.0
// Files in a known state, an independent reader of residency, and functions that inspect the
// process. It does not use the library.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace accv_cache::test {

inline const std::int64_t page = ::sysconf(_SC_PAGESIZE);
constexpr std::int64_t mebibyte = std::int64_t{1} << 20;

/// The setup of a test failed, which says nothing about the tested code.
inline void need(bool done, const char* what) {
    if (!done) throw std::runtime_error(std::string("the test could not ") + what);
}

/// A folder that is removed with its contents.
class temporary_folder {
public:
    /// Not in /tmp, which may be a tmpfs, where no page can be evicted.
    explicit temporary_folder(const std::string& parent = "/var/tmp")
        : path_(parent + "/accv_cache-XXXXXX") {
        need(::mkdtemp(path_.data()) != nullptr, "make a folder");
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    ~temporary_folder() { std::filesystem::remove_all(path_); }

    const std::string& path() const { return path_; }
    std::string operator/(const std::string& name) const { return path_ + '/' + name; }

private:
    std::string path_;
};

/// Closes a descriptor at the end of the test.
class open_descriptor {
public:
    explicit open_descriptor(const std::string& path, int flags = O_RDONLY)
        : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {
        need(fd_ >= 0, "open a file");
    }
    open_descriptor(const open_descriptor&) = delete;
    open_descriptor& operator=(const open_descriptor&) = delete;
    ~open_descriptor() { ::close(fd_); }

    int get() const { return fd_; }

private:
    int fd_;
};

/// A file in memory that is one hole.
class sparse_file {
public:
    explicit sparse_file(std::int64_t size) : fd_(::memfd_create("sparse", MFD_CLOEXEC)) {
        need(fd_ >= 0 && ::ftruncate(fd_, size) == 0, "make a sparse file");
    }
    sparse_file(const sparse_file&) = delete;
    sparse_file& operator=(const sparse_file&) = delete;
    ~sparse_file() { ::close(fd_); }

    std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

private:
    int fd_;
};

/// Maps a whole file to read; `touch` makes its pages part of the process.
class mapped_file {
public:
    explicit mapped_file(const std::string& path)
        : bytes_(static_cast<std::size_t>(std::filesystem::file_size(path))) {
        const open_descriptor file(path);
        start_ = ::mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, file.get(), 0);
        need(start_ != MAP_FAILED, "map a file");
    }
    mapped_file(const mapped_file&) = delete;
    mapped_file& operator=(const mapped_file&) = delete;
    ~mapped_file() { ::munmap(start_, bytes_); }

    void touch() const {
        for (std::size_t at = 0; at < bytes_; at += static_cast<std::size_t>(page))
            static_cast<void>(static_cast<const volatile char*>(start_)[at]);
    }
    std::vector<unsigned char> residency() const {
        std::vector<unsigned char> pages((bytes_ + static_cast<std::size_t>(page) - 1) /
                                         static_cast<std::size_t>(page));
        need(::mincore(start_, bytes_, pages.data()) == 0, "ask mincore");
        return pages;
    }

private:
    std::size_t bytes_;
    void* start_;
};

/// The resident bytes of the pages of a file that overlap [start, stop). mincore(2) is correct on
/// every file system for a file that the caller owns.
inline std::int64_t resident_bytes(const std::string& path, std::int64_t start = 0,
                                   std::int64_t stop = INT64_MAX) {
    if (std::filesystem::file_size(path) == 0) return 0;
    std::int64_t bytes = 0;
    std::int64_t at = 0;
    for (const unsigned char each : mapped_file(path).residency()) {
        if (at + page > start && at < stop && (each & 1) != 0) bytes += page;
        at += page;
    }
    return bytes;
}

/// What cachestat(2) counts in [start, stop), in pages; nothing where it is missing, or on
/// overlayfs.
struct cache_counts {
    cache_counts(const std::string& path, std::int64_t start, std::int64_t stop) {
        constexpr long cachestat_number = 451;  // the same on every architecture
        const std::uint64_t range[] = {static_cast<std::uint64_t>(start),
                                       static_cast<std::uint64_t>(stop - start)};
        static_cast<void>(
            ::syscall(cachestat_number, open_descriptor(path).get(), range, pages, 0));
    }
    std::int64_t dirty_or_in_writeback() const { return bytes(1) + bytes(2); }
    std::int64_t cached_or_evicted() const { return bytes(0) + bytes(3); }

private:
    std::int64_t bytes(std::size_t which) const {
        return static_cast<std::int64_t>(pages[which]) * page;
    }
    std::uint64_t pages[5] = {};  // cached, dirty, in writeback, evicted, recently evicted
};

/// The same bytes, and those that the kernel reclaimed, as it may at any time: what was read and
/// not evicted on advice. Reclaim stores a shadow entry (mm/workingset.c), which cachestat(2)
/// counts as evicted, in one look at all pages; advice stores none. Without cachestat(2), a
/// reclaimed page counts as evicted on advice.
inline std::int64_t kept_bytes(const std::string& path, std::int64_t start = 0,
                               std::int64_t stop = INT64_MAX) {
    const std::int64_t counted = cache_counts(path, start, stop).cached_or_evicted();
    return counted != 0 ? counted : resident_bytes(path, start, stop);
}

/// Of a large file, a reclaimer of the system may hold some pages for a moment, which advice then
/// cannot evict; a piece that was left out would be more.
constexpr std::int64_t most_in_reclaim = 2 * mebibyte;

/// Writes a file in pieces of `chunk`; its pages are resident and dirty. Pieces
/// of one page make folios of one page.
inline std::string write_dirty(const std::string& path, std::int64_t bytes,
                               std::int64_t chunk = mebibyte) {
    const open_descriptor file(path, O_WRONLY | O_CREAT | O_TRUNC);
    std::string text(static_cast<std::size_t>(chunk), '\0');
    for (std::size_t i = 0; i != text.size(); ++i) text[i] = static_cast<char>('a' + i % 23);
    for (std::int64_t at = 0; at < bytes; at += chunk) {
        const auto length = static_cast<std::size_t>(std::min(chunk, bytes - at));
        need(::write(file.get(), text.data(), length) == static_cast<ssize_t>(length), "write");
    }
    return path;
}

/// The same, written back: resident and clean.
inline std::string write_warm(const std::string& path, std::int64_t bytes,
                              std::int64_t chunk = mebibyte) {
    write_dirty(path, bytes, chunk);
    need(::fsync(open_descriptor(path).get()) == 0, "sync a file");
    return path;
}

/// Many small files, resident and dirty. The kernel reclaims none of their pages until they are
/// written back.
inline std::vector<std::string> write_many_dirty(const temporary_folder& folder, std::size_t count,
                                                 std::int64_t bytes = page) {
    std::vector<std::string> paths;
    for (std::size_t i = 0; i != count; ++i)
        paths.push_back(write_dirty(folder / std::to_string(i), bytes));
    return paths;
}

/// The same, resident and clean.
inline std::vector<std::string> write_many(const temporary_folder& folder, std::size_t count,
                                           std::int64_t bytes = page) {
    std::vector<std::string> paths = write_many_dirty(folder, count, bytes);
    // Start all writebacks before waiting for the first; otherwise each waits for the journal.
    for (const std::string& each : paths)
        ::sync_file_range(open_descriptor(each).get(), 0, 0, SYNC_FILE_RANGE_WRITE);
    for (const std::string& each : paths)
        need(::fdatasync(open_descriptor(each).get()) == 0, "sync a file");
    return paths;
}

/// Makes files resident again; likewise, all at once.
inline void warm_again(const std::vector<std::string>& paths) {
    for (const std::string& each : paths)
        ::posix_fadvise(open_descriptor(each).get(), 0, 0, POSIX_FADV_WILLNEED);
    char buffer[16384];
    for (const std::string& each : paths) {
        const open_descriptor file(each);
        while (::read(file.get(), buffer, sizeof buffer) > 0) continue;
    }
}

inline std::string content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

inline std::ptrdiff_t open_descriptors() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}

inline std::ptrdiff_t threads() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

/// Whether no more threads than `before` are left: one that was joined leaves /proc a moment later.
inline bool no_thread_remains(std::ptrdiff_t before) {
    for (int look = 0; look != 1'000'000; ++look) {
        if (threads() <= before) return true;
        ::sched_yield();
    }
    return false;
}

/// Limits the process to `free` more descriptors, with so many in use that a batch does not expect
/// the limit.
class few_descriptors_left {
public:
    explicit few_descriptors_left(int free) {
        need(::getrlimit(RLIMIT_NOFILE, &before_) == 0, "read its limits");
        do fillers_.push_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        while (fillers_.back() < 200);
        rlimit fewer = before_;
        fewer.rlim_cur = static_cast<rlim_t>(fillers_.back() + 1 + free);
        need(::setrlimit(RLIMIT_NOFILE, &fewer) == 0, "lower a limit");
    }
    few_descriptors_left(const few_descriptors_left&) = delete;
    few_descriptors_left& operator=(const few_descriptors_left&) = delete;
    ~few_descriptors_left() {
        ::setrlimit(RLIMIT_NOFILE, &before_);
        for (const int each : fillers_) ::close(each);
    }

private:
    rlimit before_{};
    std::vector<int> fillers_;
};

inline bool on_main_thread() { return ::gettid() == ::getpid(); }

/// Counts the threads, apart from the main one, that called `here`: how many
/// there were since `reset`, and how many are not joined yet. The end of a
/// thread is counted before pthread_join(3) returns.
class thread_census {
public:
    static void here() {
        if (on_main_thread()) return;
        thread_local const mark one;
        static_cast<void>(one);
    }
    static void reset() { seen_ = 0; }
    static std::size_t seen() { return seen_; }
    static std::size_t alive() { return alive_; }

private:
    struct mark {
        mark() { ++alive_, ++seen_; }  // never more are seen than there were
        ~mark() { --alive_; }
    };
    static inline std::atomic<std::size_t> seen_{0};
    static inline std::atomic<std::size_t> alive_{0};
};

/// Runs `body` in a child process, which may give up rights or limits, and
/// returns what it returned (0 to 255).
template <class Body>
int in_child(Body&& body) {
    std::fflush(nullptr);  // otherwise both processes print what is in the buffers
    const pid_t child = ::fork();
    need(child >= 0, "fork");
    if (child == 0) ::_exit(body());
    int status = 0;
    need(::waitpid(child, &status, 0) == child, "wait for its child");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/// A user that owns no file and runs no process.
constexpr uid_t stranger = 54321;

/// For a child: gives up root rights permanently.
inline void become_stranger() {
    if (::geteuid() == 0) need(::setuid(stranger) == 0, "become another user");
}

}  // namespace accv_cache::test
