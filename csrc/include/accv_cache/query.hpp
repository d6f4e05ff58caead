#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "accv_cache/cache_report.hpp"
#include "accv_cache/walk.hpp"

#if defined(__linux__)
#include "accv_cache/detail/query_files.hpp"
#else
#include <cerrno>
#endif

namespace accv_cache {

/// How far a `query` has come.
struct query_progress {
    std::size_t done_files = 0;       ///< Files that are done with.
    std::size_t total_files = 0;      ///< All; those in directories count once they are listed.
    std::int64_t resident_bytes = 0;  ///< Of the files whose residency the kernel tells.
};

/// How to query. The fields of `walk_options` say what to take of a directory.
struct query_options : walk_options {
    /// Where the range of each file starts, in bytes. A page that is partly inside counts whole. A
    /// negative offset gives every file EINVAL.
    std::int64_t offset = 0;

    /// How many bytes the range has; nullopt: to the file's end. Below 1: EINVAL for every file.
    std::optional<std::int64_t> length;

    /// Also give the resident ranges, exact to the page. This costs a walk over the pages.
    bool spans = false;

    /// Threads at the most; 0: as many as pay, 1: the calling thread alone.
    std::size_t workers = 0;

    /// Called on the calling thread about ten times a second, and at the end; false stops the
    /// query.
    std::function<bool(const query_progress&)> progress;
};

/// Measures how much of files, and of the regular files below directories, is resident, dirty and
/// in writeback.
///
///     const auto report = accv_cache::query({"/data/clip.mp4"});
///     if (report[0].resident_bytes == 0) run_cold_benchmark();
///
/// What the kernel does not tell is nullopt, never a guess: only a file's owner or a writer may
/// measure it. It asks cachestat(2), Linux 6.5, or mincore(2) where that is not there, or is wrong
/// as on overlayfs. On a FUSE file system that does not keep its cache over an open (keep_cache), a
/// query empties what it is about to measure.
///
/// A file that cannot be opened is a record with its errno; off Linux every file is one, with
/// ENOSYS. Throws std::bad_alloc and nothing else.
inline cache_report query(const std::vector<std::string>& paths, const query_options& options = {});

/// The same for one file that the caller holds open. Its offset stays where it is, and nothing is
/// opened: that is how to query FUSE without emptying it.
inline cache_report query(int descriptor, const query_options& options = {});

#if defined(__linux__)

namespace detail {

inline cache_report query_targets(target_list targets, const query_options& options) {
    query_request request;
    request.range = {options.offset, options.length.value_or(0)};
    if (options.length == 0) request.range.length = -1;  // no range at all, not 'to the end'
    request.spans = options.spans;
    request.workers = options.workers;
    const auto tick = [&options](const file_counters& counters) {
        return !options.progress ||
               options.progress({counters.done_files, counters.total_files, counters.bytes});
    };
    return query_files(std::move(targets), options, request, tick);
}

}  // namespace detail

inline cache_report query(const std::vector<std::string>& paths, const query_options& options) {
    detail::target_list targets;
    for (const std::string& path : paths) targets.append(path);
    return detail::query_targets(std::move(targets), options);
}

inline cache_report query(int descriptor, const query_options& options) {
    detail::target_list targets;
    targets.append(descriptor);
    return detail::query_targets(std::move(targets), options);
}

#else

inline cache_report query(const std::vector<std::string>& paths, const query_options&) {
    detail::path_list names;
    for (const std::string& path : paths) names.append(path);
    cache_record refused;
    refused.error = ENOSYS;
    return {std::move(names), std::vector<cache_record>(paths.size(), refused), {}, {}, false};
}

inline cache_report query(int descriptor, const query_options& options) {
    return query({"descriptor " + std::to_string(descriptor)}, options);
}

#endif

}  // namespace accv_cache
