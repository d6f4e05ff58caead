// SPDX-License-Identifier: Apache-2.0
// Loads parts of one open file into the page cache.
//
// What it loads lands on the inactive list, and in folios as large as the file system makes them,
// so that it is reclaimed and evicted cheaply.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "accv_cache/detail/file/byte_range.hpp"
#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// How much the kernel may load around the pages that are asked for.
enum class overshoot {
    to_the_end,  ///< All up to the end of the file.
    folio,       ///< The rest of the largest folio around each page.
    none,
};

/// A part of a file that is loaded at once.
struct load_step {
    std::int64_t start = 0;
    std::int64_t stop = 0;
    overshoot allowed = overshoot::none;

    std::int64_t bytes() const noexcept { return stop - start; }
};

/// The most that is loaded at once: between two steps a call can be stopped. Larger steps are not
/// faster.
constexpr std::int64_t load_window = std::int64_t{8} << 20;

/// The first step of loading [start, stop), whole pages of a file of `size` bytes.
inline load_step first_step(std::int64_t start, std::int64_t stop, std::int64_t size) noexcept {
    const std::int64_t folio = largest_folio();
    const auto next = [=](std::int64_t unit) {
        return start + std::min(unit - start % unit, stop - start);
    };
    const std::int64_t window = next(load_window);
    if (start % folio != 0) return {start, std::min(window, next(folio)), overshoot::none};
    if (stop >= round_up_to_page(size)) return {start, window, overshoot::to_the_end};
    const std::int64_t last = stop / folio * folio;
    if (start >= last) return {start, window, overshoot::none};
    return {start, std::min(last, next(std::max(folio, load_window))), overshoot::folio};
}

/// The most that POSIX_FADV_WILLNEED is asked for at once. Of more than its read-ahead window the
/// kernel silently drops the rest (mm/readahead.c, force_page_cache_ra).
constexpr std::int64_t advice_chunk = std::int64_t{128} << 10;

/// Starts to read [start, stop) and nothing else, in small folios. Returns 0 or -errno.
inline int start_reading(int fd, std::int64_t start, std::int64_t stop) noexcept {
    for (std::int64_t at = start; at < stop;) {
        const std::int64_t bytes = std::min(advice_chunk, stop - at);
        if (const int error = sys::posix_fadvise(fd, at, bytes, POSIX_FADV_WILLNEED)) return error;
        at += bytes;
    }
    return 0;
}

/// Owns a read-only mapping of a part of a file in which no folio lies in two page tables. There
/// MADV_COLD would split it. Many kernels and file systems, such as overlayfs, do not align files.
class aligned_mapping {
public:
    aligned_mapping(int fd, std::int64_t offset, std::size_t bytes) noexcept {
        const auto folio = static_cast<std::size_t>(largest_folio());
        error_ = sys::reserve(bytes + folio, reserved_);
        if (error_ != 0) return;
        reserved_bytes_ = bytes + folio;
        const auto address = reinterpret_cast<std::uintptr_t>(reserved_);
        start_ =
            static_cast<char*>(reserved_) + (static_cast<std::size_t>(offset) - address) % folio;
        error_ = sys::mmap_at(start_, bytes, fd, offset);
    }
    aligned_mapping(const aligned_mapping&) = delete;
    aligned_mapping& operator=(const aligned_mapping&) = delete;
    ~aligned_mapping() {
        if (reserved_bytes_ != 0) sys::munmap(reserved_, reserved_bytes_);
    }
    /// 0 or -errno.
    int error() const noexcept { return error_; }
    void* start() const noexcept { return start_; }

private:
    void* reserved_ = nullptr;
    std::size_t reserved_bytes_ = 0;
    void* start_ = nullptr;
    int error_ = 0;
};

/// Loads a part of an open file with MADV_POPULATE_READ (Linux 5.14), which copies nothing and
/// raises no SIGBUS. Returns 0 or -errno.
///
/// MADV_HUGEPAGE lets the kernel read whole large folios, whatever the read-ahead of the device or
/// of the descriptor is (mm/filemap.c, do_sync_mmap_readahead). MADV_SEQUENTIAL and MADV_RANDOM
/// keep the pages from counting as used when they are unmapped; of these, MADV_SEQUENTIAL also
/// reads the next folios meanwhile. MADV_COLD undoes that populating counts as a use, after which
/// the first read would make the pages active (mm/gup.c, FOLL_TOUCH).
inline int load_by_mapping(int fd, const load_step& step) noexcept {
    const auto bytes = static_cast<std::size_t>(step.bytes());
    const aligned_mapping mapping(fd, step.start, bytes);
    if (mapping.error() != 0) return mapping.error();
    const auto advise = [&](int advice) { return sys::madvise(mapping.start(), bytes, advice); };
    advise(step.allowed == overshoot::to_the_end ? MADV_SEQUENTIAL : MADV_RANDOM);
    const bool by_folios = step.allowed != overshoot::none && advise(MADV_HUGEPAGE) == 0;
    // Otherwise each missing page would be a request of its own.
    if (!by_folios) start_reading(fd, step.start, step.stop);
    const int error = advise(sys::populate_read);
    if (error == 0) advise(sys::cold);
    return error;
}

/// Loads a part of an open file by copying it. The advice replaces the read-ahead of the device or
/// of the descriptor, which may be none. Returns 0 or -errno.
inline int load_by_copying(int fd, const load_step& step) noexcept {
    start_reading(fd, step.start, step.stop);
    char buffer[32768];
    for (std::int64_t at = step.start; at < step.stop;) {
        const std::int64_t most = std::min<std::int64_t>(sizeof buffer, step.stop - at);
        const ssize_t got = sys::pread(fd, buffer, static_cast<std::size_t>(most), at);
        if (got < 0) return static_cast<int>(got);
        if (got == 0) return 0;  // the end of the file
        at += got;
    }
    return 0;
}

/// Loads a part of an open file, and waits for it. Returns 0, or the -errno of reading, where EINTR
/// is worth another try. What is behind the end of a file that was truncated meanwhile is no error.
///
/// Where the mapping fails, copying tells why. EFAULT stands for an error of the disk, or for pages
/// behind the end. Other errors are of an older kernel, of a file system that cannot map, or of a
/// filter of system calls.
inline int load(int fd, const load_step& step) noexcept {
    const int error = load_by_mapping(fd, step);
    return error == 0 || error == -EINTR ? error : load_by_copying(fd, step);
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
