// SPDX-License-Identifier: Apache-2.0
// The options of `drop`, `query` and `prefetch`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "accv_cache/version.hpp"
#include "accv_cache/walk.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {

class cache_report;

/// The progress of a call.
struct file_progress {
    std::size_t done_files = 0;   ///< Files that are done.
    std::size_t total_files = 0;  ///< All; those in directories count once listed.
    /// What `drop` evicted, `query` found resident or `prefetch` loaded, in the files whose
    /// residency is known.
    std::int64_t bytes = 0;
};

/// The options that all verbs share. The fields of `walk_options` select the files of a
/// directory.
struct file_options : walk_options {
    /// Where the range of each file starts, in bytes. Below 0: EINVAL for every file.
    std::int64_t offset = 0;

    /// The length of the range in bytes; nullopt: to the end of the file. Below 1: EINVAL for every
    /// file.
    std::optional<std::int64_t> length;

    /// Threads at the most; 0: as many as help, 1: the calling thread alone.
    std::size_t workers = 0;

    /// Called on the calling thread before any file is touched, about ten times a second, and at
    /// the end. False stops the call: no further file is started. Exceptions that it throws reach
    /// the caller. If it forks, the call is stopped in the child. Empty: no calls.
    std::function<bool(const file_progress&)> progress;
};

/// The options of `drop`. Pages and large folios that are partly outside the range stay, and count
/// as `kept_bytes::edge`.
struct drop_options : file_options {
    /// Wait for dirty pages to be written back, and evict them too. This does not make data durable
    /// (sync_file_range(2)). False: dirty pages stay.
    bool sync = true;

    /// Evict no file after the first, in list order, that fails; the report ends with that file.
    bool fail_fast = false;

    /// Keep what was resident when this report was made, with `query_options::spans`: only pages
    /// that came in since are evicted, and only they are counted. A file is looked for by its
    /// folder and its name, however its path is spelled; one that the report does not have is
    /// evicted whole, and one without spans in it gets EINVAL. The report must outlive the call.
    /// nullptr: keep nothing.
    const cache_report* keep = nullptr;
};

/// The options of `query`. A page that is partly inside the range counts in full.
struct query_options : file_options {
    /// Also report the resident ranges, exact to the page. This needs a scan of all pages.
    bool spans = false;
};

/// What `prefetch` does where not everything fits.
enum class limit_action : unsigned char {
    REFUSE,  ///< Load nothing.
    STOP,    ///< Load as much as fits, in the order of the list.
};

/// The options of `prefetch`. A page that is partly inside the range is loaded in full.
struct prefetch_options : file_options {
    /// Load at most so many bytes; nullopt: as many as fit into memory. Below 1: EINVAL for every
    /// file.
    std::optional<std::int64_t> max_bytes;

    /// Resident page cache that must stay, too, in bytes: what earlier calls loaded and is still
    /// needed. It does not count as room. What is resident of the files to load never does.
    std::int64_t reserved_bytes = 0;

    /// What to do where not everything fits.
    limit_action on_limit = limit_action::REFUSE;

    /// Return when everything is resident; a page that another program is reading at that moment
    /// counts as resident. False: start the reads and return; what is not resident yet counts as
    /// `missing_bytes::in_flight`.
    bool wait = true;
};

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
