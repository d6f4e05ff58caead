// SPDX-License-Identifier: Apache-2.0
// `drop_videos_cache`, which advises the kernel to evict whole files.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <string>
#include <vector>

#include "accv_cache/status.hpp"
#include "accv_cache/version.hpp"

#if defined(__linux__)
#include <memory>
#include <new>
#include <type_traits>

#include "accv_cache/detail/drop_videos.hpp"
#endif

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {

/// Advises the kernel to evict the pages of each file in [first, last), in order.
///
/// The elements are `const char*`, `std::string` or `std::filesystem::path`. The first file, in
/// list order, that fails decides the result: files before it are evicted, files after it are not.
/// The call does not wait for writeback: dirty pages stay (posix_fadvise(2), POSIX_FADV_DONTNEED).
/// Pages that a process has mapped stay too.
///
/// A directory, a device or an empty list gives SUCCESS: there is nothing to evict. A FIFO without
/// a writer does not block. It throws nothing. Lack of memory, or a name with a NUL byte inside,
/// gives UNKNOWN_ERROR. On other systems it returns PLATFORM_ERROR, unless the list is empty.
///
///     const std::set<std::filesystem::path> clips = finished_clips();
///     const auto status = accv_cache::drop_videos_cache(clips.begin(), clips.end());
template <class ForwardIterator>
DropCacheStatus drop_videos_cache(ForwardIterator first, ForwardIterator last) noexcept {
    if (first == last) return DropCacheStatus::SUCCESS;
#if defined(__linux__)
    using category = typename std::iterator_traits<ForwardIterator>::iterator_category;
    using reference = typename std::iterator_traits<ForwardIterator>::reference;
    static_assert(std::is_base_of_v<std::forward_iterator_tag, category> &&
                      (std::is_reference_v<reference> || std::is_pointer_v<reference>),
                  "drop_videos_cache reads the list from several threads: pass a container");
    const auto count = static_cast<std::size_t>(std::distance(first, last));
    detail::ticker tick;
    if constexpr (std::is_base_of_v<std::random_access_iterator_tag, category>) {
        using step = typename std::iterator_traits<ForwardIterator>::difference_type;
        const auto path_at = [&](std::size_t position) {
            return detail::as_c_path(first[static_cast<step>(position)]);
        };
        return detail::drop_videos_cache_at(path_at, count, 0, tick);
    } else {
        const std::unique_ptr<const char*[]> paths(new (std::nothrow) const char*[count]);
        if (paths == nullptr) return DropCacheStatus::UNKNOWN_ERROR;
        for (std::size_t i = 0; i != count; ++i, ++first) paths[i] = detail::as_c_path(*first);
        const auto path_at = [&](std::size_t position) { return paths[position]; };
        return detail::drop_videos_cache_at(path_at, count, 0, tick);
    }
#else
    return DropCacheStatus::PLATFORM_ERROR;
#endif
}

/// The same for a vector of paths.
///
///     const auto status = accv_cache::drop_videos_cache(clips);
///     if (status != accv_cache::DropCacheStatus::SUCCESS) log(accv_cache::to_string(status));
inline DropCacheStatus drop_videos_cache(const std::vector<std::string>& filepaths) noexcept {
    return drop_videos_cache(filepaths.begin(), filepaths.end());
}

/// The same for a list of literals: `drop_videos_cache({"a.mp4", "b.mp4"})`.
inline DropCacheStatus drop_videos_cache(std::initializer_list<const char*> filepaths) noexcept {
    return drop_videos_cache(filepaths.begin(), filepaths.end());
}

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
