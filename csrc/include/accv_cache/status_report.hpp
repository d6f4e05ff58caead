// SPDX-License-Identifier: Apache-2.0
// The base of the reports of `drop` and `prefetch`: a status, and the residency before and after.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "accv_cache/detail/add_bytes.hpp"
#include "accv_cache/file_identity.hpp"
#include "accv_cache/report.hpp"
#include "accv_cache/residency.hpp"
#include "accv_cache/status.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {

/// The result for one file. Memory is counted in whole pages of the requested range.
struct status_record {
    /// SUCCESS: it did not fail. nullopt: the call stopped before it was done with this file.
    std::optional<DropCacheStatus> status;
    failed_step failed = failed_step::NONE;         ///< The step that failed.
    int error = 0;                                  ///< The errno of the failure; 0: none.
    file_identity identity;                         ///< Not known if the file was not opened.
    std::int64_t size_bytes = 0;                    ///< The file's size.
    std::optional<std::int64_t> before_bytes;       ///< Resident before; nullopt: unknown.
    std::optional<std::int64_t> after_bytes;        ///< Resident after; nullopt: unknown.
    unknown_reason unknown = unknown_reason::NONE;  ///< Why these two are unknown.
};

/// Whether the call stopped before it was done with this file.
inline bool is_untouched(const status_record& record) noexcept { return !record.status; }

/// Sums over the files of a report. A file that failed, was not touched or cannot be measured
/// counts as unknown, never as 0. A sum that is larger than the largest number is the largest
/// number.
struct status_totals {
    std::size_t files = 0;            ///< All files.
    std::size_t failed_files = 0;     ///< They have an error.
    std::size_t unknown_files = 0;    ///< Without an error, but with unknown residency.
    std::size_t untouched_files = 0;  ///< Not touched: the call stopped before.
    /// @name Over the files whose residency is known
    /// @{
    std::int64_t known_before_bytes = 0;    ///< Resident before.
    std::int64_t known_resident_bytes = 0;  ///< Resident after.
    /// @}

    /// @name Over all files; nullopt unless every one was measured
    /// @{

    /// Resident before.
    std::optional<std::int64_t> before_bytes() const noexcept { return known(known_before_bytes); }
    /// Resident after: for `drop`, 0 proves that the files are cold.
    std::optional<std::int64_t> resident_bytes() const noexcept {
        return known(known_resident_bytes);
    }
    /// @}

protected:
    /// Counts a record.
    void add(const status_record& each) noexcept {
        ++files;
        if (!each.status)
            ++untouched_files;
        else if (each.status != DropCacheStatus::SUCCESS)
            ++failed_files;
        else if (!each.before_bytes || !each.after_bytes)
            ++unknown_files;
        detail::add_bytes(known_before_bytes, each.before_bytes.value_or(0));
        detail::add_bytes(known_resident_bytes, each.after_bytes.value_or(0));
    }

    /// The sum, if every file was measured.
    std::optional<std::int64_t> known(std::int64_t sum) const noexcept {
        const bool all = failed_files + unknown_files + untouched_files == 0;
        return all ? std::optional(sum) : std::nullopt;
    }
};

/// One record per file, in the order of the list. `Totals` adds up records.
template <class Record, class Totals>
class status_report : public file_report<Record> {
public:
    using file_report<Record>::records;

    /// The status of the first file that failed, else SUCCESS. Files that were not touched do not
    /// count.
    DropCacheStatus status() const noexcept {
        for (const Record& each : records()) {
            const auto status = each.status.value_or(DropCacheStatus::SUCCESS);
            if (status != DropCacheStatus::SUCCESS) return status;
        }
        return DropCacheStatus::SUCCESS;
    }

    /// The sums over all files.
    Totals totals() const noexcept {
        Totals sums;
        for (const Record& each : records()) sums += each;
        return sums;
    }

protected:
    using file_report<Record>::file_report;

    /// Whether every file has SUCCESS, or there was none.
    bool all_succeeded() const noexcept {
        return std::all_of(records().begin(), records().end(), [](const Record& each) {
            return each.status == DropCacheStatus::SUCCESS;
        });
    }
};

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
