// SPDX-License-Identifier: Apache-2.0
// `query`, which measures how much of files is resident, dirty and in writeback.
#pragma once

#include "accv_cache/cache_report.hpp"
#include "accv_cache/options.hpp"
#include "accv_cache/targets.hpp"
#include "accv_cache/version.hpp"

#if defined(__linux__)
#include "accv_cache/detail/query_files.hpp"
#else
#include <cerrno>

#include "accv_cache/detail/verb.hpp"
#endif

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {

/// Measures how much of files, and of the regular files below directories, is resident, dirty and
/// in writeback.
///
///     const auto report = accv_cache::query({"/data/clip.mp4"});
///     if (report[0].resident_bytes == 0) run_cold_benchmark();
///
/// What the kernel does not report is nullopt, never a guess: only a file's owner or a writer may
/// measure it. `query` uses cachestat(2), Linux 6.5, or mincore(2) where cachestat(2) is missing or
/// wrong, as on overlayfs. On a FUSE file system that does not keep its cache when a file is opened
/// (keep_cache), the query's own open(2) evicts the file. A descriptor that the caller holds open
/// is not opened again, and keeps its offset.
///
/// A file that cannot be opened gets a record with its errno; on other systems every file gets
/// ENOSYS. Throws std::bad_alloc, and what `progress` throws.
inline cache_report query(targets files, const query_options& options = {});

#if defined(__linux__)

inline cache_report query(targets files, const query_options& options) {
    return detail::query_files(detail::target_list(std::move(files)), options);
}

#else

inline cache_report query(targets files, const query_options&) {
    cache_record refused;
    refused.untouched = false;
    refused.failed = failed_step::OPEN;
    refused.error = ENOSYS;
    return detail::refuse<cache_report>(std::move(files), refused);
}

#endif

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
