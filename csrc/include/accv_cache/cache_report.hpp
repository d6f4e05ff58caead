// SPDX-License-Identifier: Apache-2.0
// What `query` tells of its files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "accv_cache/detail/list/path_list.hpp"
#include "accv_cache/report.hpp"
#include "accv_cache/residency.hpp"
#include "accv_cache/walk.hpp"

namespace accv_cache {

/// What one file holds of the page cache, in whole pages of the range asked for.
struct cache_record {
    int error = 0;                    ///< Why it could not be measured, an errno; 0: it was opened.
    std::int64_t size_bytes = 0;      ///< The file's size.
    std::int64_t measured_start = 0;  ///< Where the range that was measured starts, in bytes.
    std::int64_t measured_stop = 0;   ///< Where it ends, at the end of the file at the latest.
    /// The system call that told; NONE: none may be believed.
    residency_source source = residency_source::NONE;
    std::optional<std::int64_t> resident_bytes;   ///< nullopt: the kernel does not tell.
    std::optional<std::int64_t> dirty_bytes;      ///< nullopt: nor does mincore(2).
    std::optional<std::int64_t> writeback_bytes;  ///< nullopt: nor does mincore(2).
};

/// Sums over the files of a report.
struct cache_totals {
    std::size_t files = 0;                ///< All files.
    std::size_t failed_files = 0;         ///< Could not be opened.
    std::size_t unknown_files = 0;        ///< Opened, but the kernel does not tell their residency.
    std::size_t unknown_dirty_files = 0;  ///< Opened, but the kernel does not tell what is dirty.
    std::int64_t size_bytes = 0;          ///< The sizes of those that were opened.
    /// @name Over the files of which the kernel tells
    /// @{
    std::int64_t known_resident_bytes = 0;   ///< In memory.
    std::int64_t known_dirty_bytes = 0;      ///< Not written back yet.
    std::int64_t known_writeback_bytes = 0;  ///< Being written back.
    /// @}
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
    /// For `query`, which makes reports.
    cache_report(detail::path_list paths, std::vector<cache_record> records,
                 std::vector<skipped_path> skipped, bool stopped,
                 std::vector<resident_spans> spans = {})
        : file_report(std::move(paths), std::move(records), std::move(skipped), stopped),
          spans_(std::move(spans)) {}

    /// The resident ranges of a file, in order; nullopt if they are unknown or were not asked for.
    resident_spans spans(std::size_t position) const {
        return position < spans_.size() ? spans_[position] : std::nullopt;
    }

    /// The sums over all files.
    cache_totals totals() const noexcept {
        cache_totals sums;
        for (const cache_record& each : records()) {
            ++sums.files;
            sums.size_bytes += each.size_bytes;
            if (each.error != 0) {
                ++sums.failed_files;
                continue;
            }
            if (!each.resident_bytes) ++sums.unknown_files;
            if (!each.dirty_bytes) ++sums.unknown_dirty_files;
            sums.known_resident_bytes += each.resident_bytes.value_or(0);
            sums.known_dirty_bytes += each.dirty_bytes.value_or(0);
            sums.known_writeback_bytes += each.writeback_bytes.value_or(0);
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
    std::vector<resident_spans> spans_;  // empty where nobody asked
};

}  // namespace accv_cache
