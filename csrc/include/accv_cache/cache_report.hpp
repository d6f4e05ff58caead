// SPDX-License-Identifier: Apache-2.0
// The report of `query`.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "accv_cache/detail/add_bytes.hpp"
#include "accv_cache/detail/list/path_list.hpp"
#include "accv_cache/report.hpp"
#include "accv_cache/residency.hpp"
#include "accv_cache/version.hpp"
#include "accv_cache/walk.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {

/// What one file holds of the page cache, in whole pages of the range asked for.
struct cache_record {
    bool untouched = true;                   ///< The call stopped before this file.
    failed_step failed = failed_step::NONE;  ///< The step that failed.
    int error = 0;                           ///< The errno of the failure; 0: none.
    std::int64_t size_bytes = 0;             ///< The file's size.
    std::int64_t measured_start = 0;         ///< Where the measured range starts, in bytes.
    std::int64_t measured_stop = 0;  ///< Where it ends, at the end of the file at the latest.
    /// The system call that gave the figures; NONE: no call gives true ones.
    residency_source source = residency_source::NONE;
    unknown_reason unknown = unknown_reason::NONE;  ///< Why `resident_bytes` is unknown.
    std::optional<std::int64_t> resident_bytes;     ///< In memory; nullopt: unknown.
    /// @name Only cachestat(2) reports these; nullopt where mincore(2) was used
    /// @{
    std::optional<std::int64_t> dirty_bytes;      ///< Not written back yet.
    std::optional<std::int64_t> writeback_bytes;  ///< Being written back.
    /// What the kernel reclaimed under memory pressure and nobody read again. Bytes that were
    /// evicted on advice do not count.
    std::optional<std::int64_t> evicted_bytes;
    /// The part of those that was reclaimed so recently that reading it again adds it to the
    /// working set. It shows that a job does not fit into its memory.
    std::optional<std::int64_t> recently_evicted_bytes;
    /// @}
};

/// Whether the call stopped before this file.
inline bool is_untouched(const cache_record& record) noexcept { return record.untouched; }

/// Sums over the files of a report. A file that failed, was not touched or cannot be measured
/// counts as unknown, never as 0. A sum that is larger than the largest number is the largest
/// number.
struct cache_totals {
    std::size_t files = 0;                ///< All files.
    std::size_t failed_files = 0;         ///< Could not be opened.
    std::size_t unknown_files = 0;        ///< Opened, but with unknown residency.
    std::size_t unknown_dirty_files = 0;  ///< Opened, but without a figure for dirty pages.
    std::size_t untouched_files = 0;      ///< Not touched: the call stopped before.
    std::int64_t size_bytes = 0;          ///< The sizes of those that were opened.
    /// @name Over the files whose figures are known
    /// @{
    std::int64_t known_resident_bytes = 0;          ///< In memory.
    std::int64_t known_dirty_bytes = 0;             ///< Not written back yet.
    std::int64_t known_writeback_bytes = 0;         ///< Being written back.
    std::int64_t known_evicted_bytes = 0;           ///< Reclaimed by the kernel.
    std::int64_t known_recently_evicted_bytes = 0;  ///< The part of those reclaimed recently.
    /// @}

    /// @name Over all files; nullopt unless the figure is known for every file
    /// @{

    /// In memory: 0 proves that the files are cold.
    std::optional<std::int64_t> resident_bytes() const noexcept {
        return known(known_resident_bytes, unknown_files);
    }
    /// Not written back yet.
    std::optional<std::int64_t> dirty_bytes() const noexcept {
        return known(known_dirty_bytes, unknown_dirty_files);
    }
    /// Being written back.
    std::optional<std::int64_t> writeback_bytes() const noexcept {
        return known(known_writeback_bytes, unknown_dirty_files);
    }
    /// Reclaimed by the kernel.
    std::optional<std::int64_t> evicted_bytes() const noexcept {
        return known(known_evicted_bytes, unknown_dirty_files);
    }
    /// The part of those that was reclaimed recently.
    std::optional<std::int64_t> recently_evicted_bytes() const noexcept {
        return known(known_recently_evicted_bytes, unknown_dirty_files);
    }
    /// @}

private:
    std::optional<std::int64_t> known(std::int64_t sum, std::size_t unknown) const noexcept {
        const bool all = failed_files + untouched_files + unknown == 0;
        return all ? std::optional(sum) : std::nullopt;
    }
};

/// What a `query` found: one record per file, in the order of the list.
///
///     accv_cache::query_options options;
///     options.spans = true;
///     const auto report = accv_cache::query({"/data/clips"}, options);
///     for (std::size_t i = 0; i != report.size(); ++i)
///         if (const auto spans = report.spans(i)) draw(report.path(i), *spans);
class cache_report : public file_report<cache_record> {
public:
    /// A report over no file.
    cache_report() = default;
    /// For `query`.
    cache_report(detail::path_list paths, std::vector<cache_record> records,
                 std::vector<skipped_path> skipped, bool stopped,
                 std::vector<resident_spans> spans = {})
        : file_report(std::move(paths), std::move(records), std::move(skipped), stopped),
          spans_(std::move(spans)) {}

    /// The resident ranges of a file, in order; nullopt if they are unknown or were not asked for.
    resident_spans spans(std::size_t position) const {
        return position < spans_.size() ? spans_[position] : std::nullopt;
    }

    /// Whether every file was opened, or there was none.
    bool ok() const noexcept {
        return std::all_of(records().begin(), records().end(), [](const cache_record& each) {
            return !each.untouched && each.error == 0;
        });
    }

    /// The sums over all files.
    cache_totals totals() const noexcept {
        cache_totals sums;
        for (const cache_record& each : records()) {
            ++sums.files;
            detail::add_bytes(sums.size_bytes, each.size_bytes);
            if (each.untouched) {
                ++sums.untouched_files;
            } else if (each.error != 0) {
                ++sums.failed_files;
            } else {
                if (!each.resident_bytes) ++sums.unknown_files;
                if (!each.dirty_bytes) ++sums.unknown_dirty_files;
            }
            detail::add_bytes(sums.known_resident_bytes, each.resident_bytes.value_or(0));
            detail::add_bytes(sums.known_dirty_bytes, each.dirty_bytes.value_or(0));
            detail::add_bytes(sums.known_writeback_bytes, each.writeback_bytes.value_or(0));
            detail::add_bytes(sums.known_evicted_bytes, each.evicted_bytes.value_or(0));
            detail::add_bytes(sums.known_recently_evicted_bytes,
                              each.recently_evicted_bytes.value_or(0));
        }
        return sums;
    }

    /// Appends the records of another report.
    cache_report& operator+=(const cache_report& other) {
        if (!spans_.empty() || !other.spans_.empty()) {
            spans_.resize(size());
            for (std::size_t i = 0; i != other.size(); ++i) spans_.push_back(other.spans(i));
        }
        append(other);
        return *this;
    }
    /// The records of both, those of `left` first.
    friend cache_report operator+(cache_report left, const cache_report& right) {
        left += right;
        return left;
    }

private:
    std::vector<resident_spans> spans_;  // empty if not requested
};

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
