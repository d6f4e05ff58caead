#pragma once

/// Everything that accv_cache offers to C++.
#include "accv_cache/cgroup_memory.hpp"      // IWYU pragma: export
#include "accv_cache/drop.hpp"               // IWYU pragma: export
#include "accv_cache/drop_videos_cache.hpp"  // IWYU pragma: export
#include "accv_cache/holders.hpp"            // IWYU pragma: export
#include "accv_cache/query.hpp"              // IWYU pragma: export
#include "accv_cache/status.hpp"             // IWYU pragma: export
#include "accv_cache/version.hpp"            // IWYU pragma: export
