// SPDX-License-Identifier: Apache-2.0
// What `drop_videos_cache` does with a list of files.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "accv_cache/detail/eviction.hpp"
#include "accv_cache/detail/file/advice.hpp"
#include "accv_cache/detail/file/descriptor.hpp"
#include "accv_cache/detail/file/file_type.hpp"
#include "accv_cache/detail/run/batch.hpp"
#include "accv_cache/detail/run/memory.hpp"
#include "accv_cache/detail/run/patience.hpp"
#include "accv_cache/detail/run/tick.hpp"
#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/status.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// A path as open(2) takes it, or nullptr if it cannot be one.
inline const char* as_c_path(const char* path) noexcept { return path; }
inline const char* as_c_path(const std::string& path) noexcept {
    return std::strlen(path.c_str()) == path.size() ? path.c_str() : nullptr;
}
/// For std::filesystem::path, without including its header.
template <class Path>
auto as_c_path(const Path& path) noexcept -> decltype(as_c_path(path.native())) {
    return as_c_path(path.native());
}

/// Opens, checks and evicts the file at each position of a list.
template <class PathAt>
class videos_eviction {
public:
    struct item {
        descriptor opened;
        std::int64_t size = 0;
        bool alone = false;
    };

    videos_eviction(const PathAt& path_at, std::size_t workers, ticker& tick) noexcept
        : path_at_(path_at), workers_(workers), tick_(tick) {}

    verdict prepare(std::size_t position, item& entry, bool alone) noexcept {
        const char* const path = path_at_(position);
        if (path == nullptr) return failed(DropCacheStatus::UNKNOWN_ERROR);
        entry.opened = descriptor::open(path);
        if (!entry.opened) {
            if (retries_.with(entry.opened.error(), alone)) return interrupted;
            if (!alone && is_out_of_descriptors(entry.opened.error())) return out_of_descriptors;
            return failed(DropCacheStatus::FILE_OPEN_FAILED);
        }
        struct stat status{};
        if (sys::fstat(entry.opened.get(), status) != 0 || S_ISFIFO(status.st_mode))
            return failed(DropCacheStatus::FADVISE_FAILED);
        if (!may_have_pages(status.st_mode))
            entry.opened.reset();
        else if (!alone && rehearse_advice(entry.opened.get()) != 0)
            return failed(DropCacheStatus::FADVISE_FAILED);
        entry.size = S_ISREG(status.st_mode) ? status.st_size : 0;
        entry.alone = alone;
        return proceed;
    }

    verdict finish(std::size_t, item& entry) {
        if (!entry.opened) return proceed;
        const verdict said =
            evict(entry.opened.get(), {}, entry.size, entry.size, entry.alone, workers_, tick_);
        return said == proceed || said == interrupted ? said
                                                      : failed(DropCacheStatus::FADVISE_FAILED);
    }

private:
    static verdict failed(DropCacheStatus status) noexcept { return static_cast<verdict>(status); }

    const PathAt& path_at_;
    const std::size_t workers_;
    ticker& tick_;
    patience retries_;
};

/// `drop_videos_cache` over the positions of any list: `path_at(position)` returns a path, or
/// nullptr for an invalid one. Returns SUCCESS if the tick stops it before a file fails.
template <class PathAt>
DropCacheStatus drop_videos_cache_at(const PathAt& path_at, std::size_t count, std::size_t workers,
                                     ticker& tick) {
    batch_options options;
    options.workers = workers;
    options.fail_fast = true;
    options.own_descriptors = true;
    videos_eviction<PathAt> job(path_at, workers, tick);
    batch_result result;
    if (!has_memory_for([&] { result = run_batch(job, count, options, tick); }))
        return DropCacheStatus::UNKNOWN_ERROR;
    return static_cast<DropCacheStatus>(result.failure);
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
