#pragma once

#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <string>
#include <vector>

#include "accv_cache/status.hpp"

#if defined(__linux__)
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

#include "accv_cache/detail/eviction.hpp"
#include "accv_cache/detail/file/descriptor.hpp"
#include "accv_cache/detail/run/batch.hpp"
#endif

namespace accv_cache {

#if defined(__linux__)
namespace detail {

/// A path as open(2) takes it, or nullptr if it cannot be one.
inline const char* as_c_path(const char* path) noexcept { return path; }
inline const char* as_c_path(const std::string& path) noexcept {
    return std::strlen(path.c_str()) == path.size() ? path.c_str() : nullptr;
}
/// std::filesystem::path, without including its header for those who do not use it.
template <class Path>
auto as_c_path(const Path& path) noexcept -> decltype(as_c_path(path.native())) {
    return as_c_path(path.native());
}

/// Opens, checks and evicts the file at each position of a list.
template <class PathAt, class Tick>
class videos_eviction {
public:
    struct item {
        descriptor opened;
        std::int64_t size = 0;
        bool alone = false;
    };

    videos_eviction(const PathAt& path_at, std::size_t workers, shared_tick<Tick>& tick) noexcept
        : path_at_(path_at), workers_(workers), tick_(tick) {}

    verdict prepare(std::size_t position, item& entry, bool alone) noexcept {
        const char* const path = path_at_(position);
        if (path == nullptr) return failed(DropCacheStatus::UNKNOWN_ERROR);
        entry.opened = descriptor::open(path);
        if (!entry.opened) {
            if (entry.opened.error() == EINTR) return interrupted;
            if (!alone && is_out_of_descriptors(entry.opened.error())) return out_of_descriptors;
            return failed(DropCacheStatus::FILE_OPEN_FAILED);
        }
        struct stat status{};
        if (::fstat(entry.opened.get(), &status) != 0)
            return failed(DropCacheStatus::FADVISE_FAILED);
        // Files behind this one must stay if its turn comes to nothing, so that is found out now.
        if (!alone && rehearse_advice(entry.opened.get()) != 0)
            return failed(DropCacheStatus::FADVISE_FAILED);
        entry.size = S_ISREG(status.st_mode) ? status.st_size : 0;
        entry.alone = alone;
        return proceed;
    }

    verdict finish(std::size_t, item& entry) noexcept {
        const verdict said =
            evict(entry.opened.get(), {}, entry.size, entry.size, entry.alone, workers_, tick_);
        return said == proceed || said == interrupted ? said
                                                      : failed(DropCacheStatus::FADVISE_FAILED);
    }

private:
    static verdict failed(DropCacheStatus status) noexcept { return static_cast<verdict>(status); }

    const PathAt& path_at_;
    const std::size_t workers_;
    shared_tick<Tick>& tick_;
};

struct videos_result {
    DropCacheStatus status;
    bool stopped;
};

/// `drop_videos_cache` over the positions of any list: `path_at(position)` gives a path, or nullptr
/// for what cannot be one. `tick()` as for `run_batch`.
template <class PathAt, class Tick>
videos_result drop_videos_cache_at(const PathAt& path_at, std::size_t count, std::size_t workers,
                                   Tick& tick) noexcept {
    batch_options options;
    options.workers = workers;
    options.fail_fast = true;
    shared_tick<Tick> shared(tick);
    videos_eviction<PathAt, Tick> job(path_at, workers, shared);
    const batch_result result = run_batch(job, count, options, shared);
    return {static_cast<DropCacheStatus>(result.failure), result.stopped};
}

}  // namespace detail
#endif

/// Advises the kernel to evict the pages of each file in [first, last), in order.
///
/// The elements are `const char*`, `std::string` or `std::filesystem::path`. The first file, in
/// list order, that does not succeed decides the result: no file after it is evicted, those before
/// it are. It advises and does not wait: dirty pages stay (posix_fadvise(2), POSIX_FADV_DONTNEED),
/// and so do those that a process has mapped.
///
/// A directory, a device or an empty list is SUCCESS: there is nothing to evict. A FIFO without a
/// writer does not block. It throws nothing; without memory, or for a name with a NUL byte inside,
/// it is UNKNOWN_ERROR. Off Linux it is PLATFORM_ERROR, unless the list is empty.
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
    detail::no_tick tick;
    if constexpr (std::is_base_of_v<std::random_access_iterator_tag, category>) {
        using step = typename std::iterator_traits<ForwardIterator>::difference_type;
        const auto path_at = [&](std::size_t position) {
            return detail::as_c_path(first[static_cast<step>(position)]);
        };
        return detail::drop_videos_cache_at(path_at, count, 0, tick).status;
    } else {
        const std::unique_ptr<const char*[]> paths(new (std::nothrow) const char*[count]);
        if (paths == nullptr) return DropCacheStatus::UNKNOWN_ERROR;
        for (std::size_t i = 0; i != count; ++i, ++first) paths[i] = detail::as_c_path(*first);
        const auto path_at = [&](std::size_t position) { return paths[position]; };
        return detail::drop_videos_cache_at(path_at, count, 0, tick).status;
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

/// The same for paths written down: `drop_videos_cache({"a.mp4", "b.mp4"})`.
inline DropCacheStatus drop_videos_cache(std::initializer_list<const char*> filepaths) noexcept {
    return drop_videos_cache(filepaths.begin(), filepaths.end());
}

}  // namespace accv_cache
