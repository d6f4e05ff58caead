// SPDX-License-Identifier: Apache-2.0
// `drop_until`, which evicts the least recently used files until the rest fits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "accv_cache/drop.hpp"
#include "accv_cache/drop_report.hpp"
#include "accv_cache/options.hpp"
#include "accv_cache/targets.hpp"
#include "accv_cache/version.hpp"

#if defined(__linux__)
#include "accv_cache/detail/drop_oldest.hpp"
#endif

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {

/// Evicts the least recently used of the files, by access time, until all of them hold no more than
/// `most_bytes`; below 0 counts as 0. For a share of the memory, multiply `memory_limit()`:
///
///     if (const auto limit = accv_cache::memory_limit())
///         accv_cache::drop_until("/data", *limit / 4);
///
/// The report is over the files that were dropped, and those that could not be opened. A file whose
/// residency is unknown is not counted and stays. While the files are measured, `progress` is
/// called with nothing done. The rest is as for `drop`.
inline drop_report drop_until(targets files, std::int64_t most_bytes,
                              const drop_options& options = {});

#if defined(__linux__)

inline drop_report drop_until(targets files, std::int64_t most_bytes, const drop_options& options) {
    return detail::drop_oldest(detail::target_list(std::move(files)),
                               std::max<std::int64_t>(most_bytes, 0), options);
}

#else

inline drop_report drop_until(targets files, std::int64_t, const drop_options& options) {
    return drop(std::move(files), options);
}

#endif

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
