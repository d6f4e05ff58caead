// SPDX-License-Identifier: Apache-2.0
// `prefetch`, which reads files into the page cache before they are needed, within a limit.
#pragma once

#include <type_traits>
#include <utility>

#include "accv_cache/cache_report.hpp"
#include "accv_cache/options.hpp"
#include "accv_cache/prefetch_report.hpp"
#include "accv_cache/targets.hpp"
#include "accv_cache/version.hpp"

#if defined(__linux__)
#include "accv_cache/detail/prefetch_files.hpp"
#else
#include <cstddef>

#include "accv_cache/detail/verb.hpp"
#include "accv_cache/status.hpp"
#endif

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {

/// Loads what is not resident yet of files, and of the regular files below directories; reports
/// what was loaded, what is missing and why.
///
///     accv_cache::prefetch_options options;
///     options.on_limit = accv_cache::limit_action::STOP;
///     const auto report = accv_cache::prefetch({"/data/next"}, options);
///     log(report.totals().known_loaded_bytes, report.totals().missing.limit);
///
/// It loads no more than fits: below the memory limits of the caller's cgroup and its parents,
/// where clean page cache that is not in use counts as room, but not that of these files, and into
/// what the machine has available. It ends when the kernel reclaims what it loaded. The pages count
/// against the caller's cgroup.
///
/// A file that fails is reported, and the call goes on. A descriptor that the caller holds open
/// keeps its offset. On other systems every file is PLATFORM_ERROR. Throws std::bad_alloc, and what
/// `progress` throws. See madvise(2), MADV_POPULATE_READ.
inline prefetch_report prefetch(targets files, const prefetch_options& options = {});

/// Loads what was resident when the report `warm` was made: exactly the ranges of its spans.
///
///     accv_cache::query_options with_spans;
///     with_spans.spans = true;
///     const auto warm = accv_cache::query({"/data"}, with_spans);
///     run_benchmark();
///     accv_cache::prefetch(warm);
///
/// A file without spans in the report gets EINVAL.
template <class Report, std::enable_if_t<std::is_same_v<Report, cache_report>, int> = 0>
prefetch_report prefetch(const Report& warm, const prefetch_options& options = {});

#if defined(__linux__)

inline prefetch_report prefetch(targets files, const prefetch_options& options) {
    return detail::prefetch_files(std::move(files), options);
}

template <class Report, std::enable_if_t<std::is_same_v<Report, cache_report>, int>>
prefetch_report prefetch(const Report& warm, const prefetch_options& options) {
    return detail::restore_files(warm, options);
}

#else

inline prefetch_report prefetch(targets files, const prefetch_options&) {
    prefetch_record refused;
    refused.status = DropCacheStatus::PLATFORM_ERROR;
    return detail::refuse<prefetch_report>(std::move(files), refused);
}

template <class Report, std::enable_if_t<std::is_same_v<Report, cache_report>, int>>
prefetch_report prefetch(const Report& warm, const prefetch_options& options) {
    targets files;
    for (std::size_t i = 0; i != warm.size(); ++i) files.append(warm.path(i));
    return prefetch(std::move(files), options);
}

#endif

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
