// SPDX-License-Identifier: Apache-2.0
// `drop`, which evicts files and reports what was evicted, what stayed and why.
#pragma once

#include "accv_cache/drop_report.hpp"
#include "accv_cache/options.hpp"
#include "accv_cache/targets.hpp"
#include "accv_cache/version.hpp"

#if defined(__linux__)
#include "accv_cache/detail/drop_files.hpp"
#else
#include "accv_cache/detail/verb.hpp"
#include "accv_cache/status.hpp"
#endif

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {

/// Evicts the pages of files, and of the regular files below directories; reports what was evicted,
/// what stayed and why.
///
///     const auto report = accv_cache::drop({"/data/old"});
///     const auto sums = report.totals();
///     log(sums.known_evicted_bytes(), sums.kept.mapped);
///
/// A descriptor that the caller holds open stays open and keeps its offset:
///
///     decode(descriptor);
///     accv_cache::drop(descriptor);
///     close(descriptor);
///
/// A file that fails is reported, and the call goes on. Anyone who may read a file may evict it.
/// Only its owner or a writer may measure it, so others get SUCCESS without byte counts. On other
/// systems every file is PLATFORM_ERROR. Throws std::bad_alloc, and what `progress` throws. See
/// posix_fadvise(2), POSIX_FADV_DONTNEED, and sync_file_range(2).
inline drop_report drop(targets files, const drop_options& options = {});

#if defined(__linux__)

inline drop_report drop(targets files, const drop_options& options) {
    return detail::drop_files(detail::target_list(std::move(files)), options);
}

#else

inline drop_report drop(targets files, const drop_options&) {
    drop_record refused;
    refused.status = DropCacheStatus::PLATFORM_ERROR;
    return detail::refuse<drop_report>(std::move(files), refused);
}

#endif

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
