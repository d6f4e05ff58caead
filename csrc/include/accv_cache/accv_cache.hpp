// SPDX-License-Identifier: Apache-2.0
// All of the library.
#pragma once

/// @namespace accv_cache
/// Evicts files from the page cache, measures what is resident, loads what is needed next, and
/// finds the processes that keep it.
///
/// Sizes are bytes; memory is counted in whole pages. What the kernel does not report is nullopt,
/// never a guess. On other systems than Linux the headers compile, and no file is touched.
/// accv_cache.hpp includes every public header.

#include "accv_cache/backing_files.hpp"      // IWYU pragma: export
#include "accv_cache/cache_budget.hpp"       // IWYU pragma: export
#include "accv_cache/cgroup_memory.hpp"      // IWYU pragma: export
#include "accv_cache/drop.hpp"               // IWYU pragma: export
#include "accv_cache/drop_until.hpp"         // IWYU pragma: export
#include "accv_cache/drop_videos_cache.hpp"  // IWYU pragma: export
#include "accv_cache/explain.hpp"            // IWYU pragma: export
#include "accv_cache/holders.hpp"            // IWYU pragma: export
#include "accv_cache/machine_memory.hpp"     // IWYU pragma: export
#include "accv_cache/options.hpp"            // IWYU pragma: export
#include "accv_cache/prefetch.hpp"           // IWYU pragma: export
#include "accv_cache/query.hpp"              // IWYU pragma: export
#include "accv_cache/report.hpp"             // IWYU pragma: export
#include "accv_cache/residency.hpp"          // IWYU pragma: export
#include "accv_cache/status.hpp"             // IWYU pragma: export
#include "accv_cache/status_report.hpp"      // IWYU pragma: export
#include "accv_cache/targets.hpp"            // IWYU pragma: export
#include "accv_cache/version.hpp"            // IWYU pragma: export
