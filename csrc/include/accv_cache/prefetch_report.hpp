// SPDX-License-Identifier: Apache-2.0
// The report of `prefetch`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "accv_cache/detail/add_bytes.hpp"
#include "accv_cache/detail/list/path_list.hpp"
#include "accv_cache/status_report.hpp"
#include "accv_cache/version.hpp"
#include "accv_cache/walk.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {

/// Why memory is not resident afterwards, in bytes for each reason.
struct missing_bytes {
    std::int64_t limit = 0;       ///< It did not fit: see `prefetch_report::limit`.
    std::int64_t reclaimed = 0;   ///< The kernel reclaimed what was loaded, so the call ended.
    std::int64_t in_flight = 0;   ///< Being read, without `wait`.
    std::int64_t unreadable = 0;  ///< The record has the error.
    /// The file system did not keep it (FUSE with direct I/O), somebody evicted it meanwhile, or,
    /// without `wait`, the kernel did not begin to read it.
    std::int64_t not_cached = 0;

    /// All that is missing.
    std::int64_t total() const noexcept {
        std::int64_t sum = 0;
        for (const std::int64_t each : {limit, reclaimed, in_flight, unreadable, not_cached})
            detail::add_bytes(sum, each);
        return sum;
    }
    /// Adds another file's bytes to each reason.
    missing_bytes& operator+=(const missing_bytes& other) noexcept {
        detail::add_bytes(limit, other.limit);
        detail::add_bytes(reclaimed, other.reclaimed);
        detail::add_bytes(in_flight, other.in_flight);
        detail::add_bytes(unreadable, other.unreadable);
        detail::add_bytes(not_cached, other.not_cached);
        return *this;
    }
};

/// What limits how much may be loaded.
enum class limit_source : unsigned char {
    NONE,       ///< Nothing.
    MAX_BYTES,  ///< The option `max_bytes`.
    CGROUP,     ///< The memory limit of the caller's cgroup, or of one of its parents.
    MACHINE,    ///< What the machine has available.
};

/// The limit that not everything fitted into.
struct prefetch_limit {
    std::int64_t needed_bytes = 0;             ///< What was missing when the call started.
    std::int64_t available_bytes = 0;          ///< What could be loaded.
    limit_source source = limit_source::NONE;  ///< What the limit is.
    std::string cgroup;                        ///< The folder of the cgroup; empty for the others.
};

/// The result for one file. SUCCESS: all of it was loaded, or as much as the limits allow.
struct prefetch_record : status_record {
    std::optional<std::int64_t> loaded_bytes;  ///< What the call loaded; nullopt: unknown.
    missing_bytes missing;  ///< What is not resident. Holes need no reading and do not count.
};

/// Sums over the files of a report.
struct prefetch_totals : status_totals {
    std::int64_t known_loaded_bytes = 0;  ///< What was loaded of the files whose figure is known.
    missing_bytes missing;                ///< What is not resident, by reason.

    /// What was loaded of all files; nullopt unless every one was measured.
    std::optional<std::int64_t> loaded_bytes() const noexcept { return known(known_loaded_bytes); }

    /// Adds the figures of a file.
    prefetch_totals& operator+=(const prefetch_record& each) noexcept {
        add(each);
        detail::add_bytes(known_loaded_bytes, each.loaded_bytes.value_or(0));
        missing += each.missing;
        return *this;
    }
};

/// What a `prefetch` did: one record per file, in the order of the list.
///
///     const auto report = accv_cache::prefetch({"/data/next"});
///     if (report.refused()) log("too large by", report.limit()->needed_bytes -
///                                               report.limit()->available_bytes);
class prefetch_report : public status_report<prefetch_record, prefetch_totals> {
public:
    /// A report over no file.
    prefetch_report() = default;
    /// For `prefetch`.
    prefetch_report(detail::path_list paths, std::vector<prefetch_record> records,
                    std::vector<skipped_path> skipped, bool stopped,
                    std::optional<prefetch_limit> limit = {}, bool refused = false)
        : status_report(std::move(paths), std::move(records), std::move(skipped), stopped),
          limit_(std::move(limit)),
          refused_(refused) {}

    /// Whether every file was loaded as far as the limits allow, or there was none. False if the
    /// call was refused.
    bool ok() const noexcept { return !refused_ && all_succeeded(); }

    /// The limit that not everything fitted into; nullopt: everything did.
    const std::optional<prefetch_limit>& limit() const noexcept { return limit_; }
    /// Whether nothing was loaded, because not everything fitted: `on_limit` is REFUSE.
    bool refused() const noexcept { return refused_; }

    /// Appends the records of another report. The first limit stays.
    prefetch_report& operator+=(const prefetch_report& other) {
        if (!limit_) limit_ = other.limit_;
        refused_ = refused_ || other.refused_;
        append(other);
        return *this;
    }
    /// The records of both, those of `left` first.
    friend prefetch_report operator+(prefetch_report left, const prefetch_report& right) {
        left += right;
        return left;
    }

private:
    std::optional<prefetch_limit> limit_;
    bool refused_ = false;
};

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
