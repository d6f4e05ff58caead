#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "accv_cache/drop_report.hpp"
#include "accv_cache/walk.hpp"

#if defined(__linux__)
#include "accv_cache/detail/drop_files.hpp"
#endif

namespace accv_cache {

/// How far a `drop` has come.
struct drop_progress {
    std::size_t done_files = 0;      ///< Files that are done with.
    std::size_t total_files = 0;     ///< All; those in directories count once they are listed.
    std::int64_t evicted_bytes = 0;  ///< Of the files whose residency the kernel tells.
};

/// How to drop. The fields of `walk_options` say what to take of a directory.
struct drop_options : walk_options {
    /// Where the range of each file starts, in bytes. Pages and large folios that are partly
    /// outside stay, and are counted as `kept_bytes::edge`. A negative offset gives every file
    /// FADVISE_FAILED with EINVAL.
    std::int64_t offset = 0;

    /// How many bytes the range has; nullopt: to the file's end. Below 1: FADVISE_FAILED with
    /// EINVAL for every file.
    std::optional<std::int64_t> length;

    /// Wait for dirty pages to be written back, and evict them too. This is no promise that the
    /// data would survive a loss of power (sync_file_range(2)). False: dirty pages stay.
    bool sync = true;

    /// Evict no file behind the first, in list order, that fails; the report ends with that one.
    bool fail_fast = false;

    /// Threads at the most; 0: as many as pay, 1: the calling thread alone.
    std::size_t workers = 0;

    /// Called on the calling thread about ten times a second, and at the end; false stops the drop.
    /// It must not throw. Empty: nobody is told.
    std::function<bool(const drop_progress&)> progress;
};

/// Evicts the pages of files, and of the regular files below directories; says what left, what
/// stayed and why.
///
///     const auto report = accv_cache::drop({"/data/old"});
///     const auto sums = report.totals();
///     log(sums.known_evicted_bytes(), sums.kept.mapped);
///
/// A file that fails is reported, and the rest go on. Anyone who may read a file may evict it; only
/// its owner or a writer may measure it, so others get SUCCESS and no byte counts. Off Linux every
/// file is PLATFORM_ERROR. Throws std::bad_alloc and nothing else. See posix_fadvise(2),
/// POSIX_FADV_DONTNEED, and sync_file_range(2).
inline drop_report drop(const std::vector<std::string>& paths, const drop_options& options = {});

/// The same for one file that the caller holds open. The descriptor stays open, and its offset
/// where it is.
///
///     decode(descriptor);
///     accv_cache::drop(descriptor);
///     close(descriptor);
inline drop_report drop(int descriptor, const drop_options& options = {});

#if defined(__linux__)

namespace detail {

inline drop_report drop_targets(target_list targets, const drop_options& options) {
    drop_request request;
    request.range = {options.offset, options.length.value_or(0)};
    if (options.length == 0) request.range.length = -1;  // no range at all, not 'to the end'
    request.sync = options.sync;
    request.fail_fast = options.fail_fast;
    request.workers = options.workers;
    const auto tick = [&options](const file_counters& counters) {
        return !options.progress ||
               options.progress({counters.done_files, counters.total_files, counters.bytes});
    };
    return drop_files(std::move(targets), options, request, tick);
}

}  // namespace detail

inline drop_report drop(const std::vector<std::string>& paths, const drop_options& options) {
    detail::target_list targets;
    for (const std::string& path : paths) targets.append(path);
    return detail::drop_targets(std::move(targets), options);
}

inline drop_report drop(int descriptor, const drop_options& options) {
    detail::target_list targets;
    targets.append(descriptor);
    return detail::drop_targets(std::move(targets), options);
}

#else

inline drop_report drop(const std::vector<std::string>& paths, const drop_options&) {
    detail::path_list names;
    for (const std::string& path : paths) names.append(path);
    drop_record refused;
    refused.status = DropCacheStatus::PLATFORM_ERROR;
    return drop_report(std::move(names), std::vector<drop_record>(paths.size(), refused), {},
                       false);
}

inline drop_report drop(int descriptor, const drop_options& options) {
    return drop({"descriptor " + std::to_string(descriptor)}, options);
}

#endif

}  // namespace accv_cache
