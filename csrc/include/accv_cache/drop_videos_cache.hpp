// SPDX-License-Identifier: Apache-2.0
// `drop_videos_cache`, which advises the kernel to evict whole files.
#pragma once

#include <initializer_list>
#include <type_traits>
#include <utility>

#include "accv_cache/detail/run/memory.hpp"
#include "accv_cache/status.hpp"
#include "accv_cache/targets.hpp"
#include "accv_cache/version.hpp"

#if defined(__linux__)
#include "accv_cache/detail/drop_videos.hpp"
#endif

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// `drop_videos_cache` over the list that `make_list()` returns.
template <class MakeList>
DropCacheStatus drop_videos_of(MakeList&& make_list) noexcept {
    targets files;
    if (!has_memory_for([&] { files = make_list(); })) return DropCacheStatus::UNKNOWN_ERROR;
    if (files.size() == 0) return DropCacheStatus::SUCCESS;
#if defined(__linux__)
    ticker tick;
    return drop_videos(std::move(files), 0, tick);
#else
    return DropCacheStatus::PLATFORM_ERROR;
#endif
}

template <class Iterator>
using reference_of = decltype(*std::declval<Iterator&>());

}  // namespace detail

/// Advises the kernel to evict the pages of each file, in order.
///
/// `files` is a path of any type, a descriptor, or a range of those; see `targets`. The first file,
/// in list order, that fails decides the result: files before it are evicted, files after it are
/// not. The call does not wait for writeback: dirty pages stay (posix_fadvise(2),
/// POSIX_FADV_DONTNEED). Pages that a process has mapped stay too.
///
/// A directory gives SUCCESS and nothing below it is evicted: that is what `drop` does. A device or
/// an empty list gives SUCCESS too. A FIFO without a writer does not block. The call throws
/// nothing. Lack of memory, a null pointer, or a name with a NUL byte inside gives UNKNOWN_ERROR.
/// On other systems it returns PLATFORM_ERROR, unless the list is empty.
///
///     const auto status = accv_cache::drop_videos_cache(clips);
///     if (status != accv_cache::DropCacheStatus::SUCCESS) log(accv_cache::to_string(status));
template <class Files, std::enable_if_t<std::is_convertible_v<Files, targets>, int> = 0>
DropCacheStatus drop_videos_cache(Files&& files) noexcept {
    return detail::drop_videos_of([&] { return targets(std::forward<Files>(files)); });
}

/// The same for a braced list: `drop_videos_cache({"a.mp4", "b.mp4"})`.
inline DropCacheStatus drop_videos_cache(std::initializer_list<target> files) noexcept {
    return detail::drop_videos_of([&] { return targets(files); });
}

/// The same for the files in [first, last).
template <class Iterator,
          std::enable_if_t<std::is_convertible_v<detail::reference_of<Iterator>, target>, int> = 0>
DropCacheStatus drop_videos_cache(Iterator first, Iterator last) noexcept {
    return detail::drop_videos_of([&] {
        targets files;
        for (; first != last; ++first) files.append(*first);
        return files;
    });
}

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
