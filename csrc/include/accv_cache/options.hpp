// SPDX-License-Identifier: Apache-2.0
// What may be asked of a verb.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "accv_cache/version.hpp"
#include "accv_cache/walk.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {

/// How far a call has come.
struct file_progress {
    std::size_t done_files = 0;   ///< Files that are done with.
    std::size_t total_files = 0;  ///< All; those in directories count once they are listed.
    /// What `drop` evicted, or `query` found resident, of the files whose residency the kernel
    /// tells.
    std::int64_t bytes = 0;
};

/// What may be asked of every verb. The fields of `walk_options` say what to take of a directory.
struct file_options : walk_options {
    /// Where the range of each file starts, in bytes. Below 0: EINVAL for every file.
    std::int64_t offset = 0;

    /// How many bytes the range has; nullopt: to the file's end. Below 1: EINVAL for every file.
    std::optional<std::int64_t> length;

    /// Threads at the most; 0: as many as pay, 1: the calling thread alone.
    std::size_t workers = 0;

    /// Called on the calling thread before any file is touched, about ten times a second, and at
    /// the end. False stops the call: no file is begun any more. What it throws comes through. In
    /// the child of a fork inside it the call is stopped. Empty: nobody is told.
    std::function<bool(const file_progress&)> progress;
};

/// How to drop. Pages and large folios that are partly outside the range stay, and are counted as
/// `kept_bytes::edge`.
struct drop_options : file_options {
    /// Wait for dirty pages to be written back, and evict them too. This does not make data durable
    /// (sync_file_range(2)). False: dirty pages stay.
    bool sync = true;

    /// Evict no file behind the first, in list order, that fails; the report ends with that one.
    bool fail_fast = false;
};

/// How to query. A page that is partly inside the range counts whole.
struct query_options : file_options {
    /// Also give the resident ranges, exact to the page. This costs a walk over the pages.
    bool spans = false;
};

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
