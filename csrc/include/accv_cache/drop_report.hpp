// SPDX-License-Identifier: Apache-2.0
// The report of `drop`.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "accv_cache/detail/add_bytes.hpp"
#include "accv_cache/detail/list/path_list.hpp"
#include "accv_cache/status_report.hpp"
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
        std::int64_t sum = 0;
        for (const std::int64_t each : {dirty, writeback, memory_filesystem, edge, mapped, busy})
            detail::add_bytes(sum, each);
        return sum;
    }
    /// Adds another file's bytes to each reason.
    kept_bytes& operator+=(const kept_bytes& other) noexcept {
        detail::add_bytes(dirty, other.dirty);
        detail::add_bytes(writeback, other.writeback);
        detail::add_bytes(memory_filesystem, other.memory_filesystem);
        detail::add_bytes(edge, other.edge);
        detail::add_bytes(mapped, other.mapped);
        detail::add_bytes(busy, other.busy);
        return *this;
    }
};

/// The result for one file. SUCCESS: the kernel accepted the advice.
struct drop_record : status_record {
    kept_bytes kept;  ///< Adds up to after_bytes; zeros where that is unknown.
};

/// Sums over the files of a report.
struct drop_totals : status_totals {
    kept_bytes kept;  ///< What stayed, by reason, over the files whose residency is known.

    /// What was evicted of the files whose residency is known. Pages that others read in meanwhile
    /// reduce it.
    std::int64_t known_evicted_bytes() const noexcept {
        return known_before_bytes > known_resident_bytes ? known_before_bytes - known_resident_bytes
                                                         : 0;
    }
    /// What was evicted of all files; nullopt unless every one was measured.
    std::optional<std::int64_t> evicted_bytes() const noexcept {
        return known(known_evicted_bytes());
    }

    /// Adds the figures of a file.
    drop_totals& operator+=(const drop_record& each) noexcept {
        add(each);
        kept += each.kept;
        return *this;
    }
};

/// What a `drop` did: one record per file, in the order of the list.
///
///     const auto report = accv_cache::drop({"/data/old"});
///     for (const auto& file : report)
///         if (file.record.error != 0) log(file.path, file.message());
class drop_report : public status_report<drop_record, drop_totals> {
public:
    /// A report over no file.
    drop_report() = default;
    /// For `drop`.
    drop_report(detail::path_list paths, std::vector<drop_record> records,
                std::vector<skipped_path> skipped, bool stopped)
        : status_report(std::move(paths), std::move(records), std::move(skipped), stopped) {}

    /// Whether every file was advised, or there was none.
    bool ok() const noexcept { return all_succeeded(); }

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
