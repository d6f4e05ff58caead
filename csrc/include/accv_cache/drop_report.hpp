// SPDX-License-Identifier: Apache-2.0
// The report of `drop`.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "accv_cache/detail/list/path_list.hpp"
#include "accv_cache/file_identity.hpp"
#include "accv_cache/report.hpp"
#include "accv_cache/residency.hpp"
#include "accv_cache/status.hpp"
#include "accv_cache/version.hpp"
#include "accv_cache/walk.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {

/// Why memory stayed, in bytes for each reason. Reasons are measured, not guessed.
struct kept_bytes {
    std::int64_t dirty = 0;              ///< Not written back yet.
    std::int64_t writeback = 0;          ///< Being written back.
    std::int64_t memory_filesystem = 0;  ///< tmpfs, ramfs: the page cache is the only copy.
    /// In a page or folio that is partly outside the range. The kernel does not report folios, so
    /// resident pages next to the edge that could be one count too.
    std::int64_t edge = 0;
    std::int64_t mapped = 0;  ///< In a file that a process was seen to have mapped.
    /// None of these: in use by the kernel or an unseen process, or dirty where the kernel does not
    /// report it (overlayfs, without `sync`).
    std::int64_t busy = 0;

    /// All that stayed.
    std::int64_t total() const noexcept {
        return dirty + writeback + memory_filesystem + edge + mapped + busy;
    }
    /// Adds another file's bytes to each reason.
    kept_bytes& operator+=(const kept_bytes& other) noexcept {
        dirty += other.dirty;
        writeback += other.writeback;
        memory_filesystem += other.memory_filesystem;
        edge += other.edge;
        mapped += other.mapped;
        busy += other.busy;
        return *this;
    }
};

/// The result for one file. Memory is counted in whole pages of the requested range.
struct drop_record {
    /// SUCCESS: the kernel accepted the advice. nullopt: the call stopped before this file.
    std::optional<DropCacheStatus> status;
    failed_step failed = failed_step::NONE;         ///< The step that failed.
    int error = 0;                                  ///< The errno of the failure; 0: none.
    file_identity identity;                         ///< Not known if the file was not opened.
    std::int64_t size_bytes = 0;                    ///< The file's size.
    std::optional<std::int64_t> before_bytes;       ///< Resident before; nullopt: unknown.
    std::optional<std::int64_t> after_bytes;        ///< Resident after; nullopt: unknown.
    unknown_reason unknown = unknown_reason::NONE;  ///< Why these two are unknown.
    kept_bytes kept;  ///< Adds up to after_bytes; zeros where that is unknown.
};

/// Sums over the files of a report. A file that failed, was not touched or cannot be measured
/// counts as unknown, never as 0.
struct drop_totals {
    std::size_t files = 0;            ///< All files.
    std::size_t failed_files = 0;     ///< Advice or writeback failed.
    std::size_t unknown_files = 0;    ///< Advised, but with unknown residency.
    std::size_t untouched_files = 0;  ///< Not touched: the call stopped before.
    /// @name Over the files whose residency is known
    /// @{
    std::int64_t known_before_bytes = 0;    ///< Resident before.
    std::int64_t known_resident_bytes = 0;  ///< Resident after.
    kept_bytes kept;                        ///< What stayed, by reason.

    /// What was evicted. Pages that others read in meanwhile reduce it.
    std::int64_t known_evicted_bytes() const noexcept {
        return known_before_bytes > known_resident_bytes ? known_before_bytes - known_resident_bytes
                                                         : 0;
    }
    /// @}

    /// @name Over all files; nullopt unless every one was measured
    /// @{

    /// Resident before.
    std::optional<std::int64_t> before_bytes() const noexcept { return known(known_before_bytes); }
    /// What was evicted.
    std::optional<std::int64_t> evicted_bytes() const noexcept {
        return known(known_evicted_bytes());
    }
    /// Resident after: 0 proves that the files are cold.
    std::optional<std::int64_t> resident_bytes() const noexcept {
        return known(known_resident_bytes);
    }
    /// @}

private:
    std::optional<std::int64_t> known(std::int64_t sum) const noexcept {
        const bool all = failed_files + unknown_files + untouched_files == 0;
        return all ? std::optional(sum) : std::nullopt;
    }
};

/// What a `drop` did: one record per file, in the order of the list.
///
///     const auto report = accv_cache::drop({"/data/old"});
///     for (std::size_t i = 0; i != report.size(); ++i)
///         if (report[i].error != 0) log(report.path(i), std::strerror(report[i].error));
class drop_report : public file_report<drop_record> {
public:
    /// A report over no file.
    drop_report() = default;
    /// For `drop`.
    drop_report(detail::path_list paths, std::vector<drop_record> records,
                std::vector<skipped_path> skipped, bool stopped)
        : file_report(std::move(paths), std::move(records), std::move(skipped), stopped) {}

    /// The status of the first file that failed, else SUCCESS. Files that were not touched do not
    /// count.
    DropCacheStatus status() const noexcept {
        for (const drop_record& each : records()) {
            const auto status = each.status.value_or(DropCacheStatus::SUCCESS);
            if (status != DropCacheStatus::SUCCESS) return status;
        }
        return DropCacheStatus::SUCCESS;
    }
    /// Whether every file was advised, or there was none.
    bool ok() const noexcept {
        return std::all_of(records().begin(), records().end(), [](const drop_record& each) {
            return each.status == DropCacheStatus::SUCCESS;
        });
    }

    /// The sums over all files.
    drop_totals totals() const noexcept {
        drop_totals sums;
        for (const drop_record& each : records()) {
            ++sums.files;
            if (!each.status)
                ++sums.untouched_files;
            else if (each.status != DropCacheStatus::SUCCESS)
                ++sums.failed_files;
            else if (!each.before_bytes || !each.after_bytes)
                ++sums.unknown_files;
            sums.known_before_bytes += each.before_bytes.value_or(0);
            sums.known_resident_bytes += each.after_bytes.value_or(0);
            sums.kept += each.kept;
        }
        return sums;
    }

    /// Appends the records of another report.
    drop_report& operator+=(const drop_report& other) {
        append(other);
        return *this;
    }
    /// The records of both, those of `left` first.
    friend drop_report operator+(drop_report left, const drop_report& right) {
        left += right;
        return left;
    }
};

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
