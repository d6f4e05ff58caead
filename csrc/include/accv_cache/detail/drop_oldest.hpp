// SPDX-License-Identifier: Apache-2.0
// What `drop_until` does: it evicts the least recently used files until the rest fits.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

#include "accv_cache/detail/add_bytes.hpp"
#include "accv_cache/detail/drop_files.hpp"
#include "accv_cache/detail/list/target_list.hpp"
#include "accv_cache/detail/query_files.hpp"
#include "accv_cache/detail/run/verdict.hpp"
#include "accv_cache/drop_report.hpp"
#include "accv_cache/file_identity.hpp"
#include "accv_cache/options.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// A file with resident pages.
struct used_file {
    std::size_t position;
    timespec used;  ///< Its access time.
    std::int64_t resident_bytes;

    friend bool operator<(const used_file& left, const used_file& right) noexcept {
        return left.order() < right.order();
    }

private:
    /// Of those used at the same time, the first of the list goes first.
    std::tuple<time_t, long, std::size_t> order() const noexcept {
        return {used.tv_sec, used.tv_nsec, position};
    }
};

/// The files with resident pages, each once even if it has several names, the least recently used
/// first. One that cannot be opened again was removed meanwhile.
inline std::vector<used_file> least_recently_used(query_work& measured) {
    std::vector<used_file> files;
    std::unordered_set<file_identity, file_identity_hash> known;
    for (std::size_t i = 0; i != measured.records.size() && !measured.tick.stopped(); ++i) {
        const std::int64_t resident = measured.records[i].resident_bytes.value_or(0);
        if (resident == 0) continue;
        open_file file;
        while (measured.open(i, file, true) == interrupted && measured.tick.serve()) {
        }
        if (file.error == 0 && known.insert(file_identity::of(file.status)).second)
            files.push_back({i, file.status.st_atim, resident});
    }
    std::sort(files.begin(), files.end());
    return files;
}

/// Evicts the least recently used files until all hold no more than `most_bytes`. Where pages stay,
/// for example because they are mapped, more files go.
inline drop_report drop_oldest(target_list files, std::int64_t most_bytes,
                               const drop_options& asked) {
    query_options measuring;
    static_cast<file_options&>(measuring) = asked;
    if (asked.progress)  // whose figure is what was evicted
        measuring.progress = [&](const file_progress& now) {
            return asked.progress({0, now.total_files, 0});
        };
    query_work measured(std::move(files), measuring);
    measure_all(measured);
    const std::vector<used_file> waiting = least_recently_used(measured);

    drop_report report({}, {}, std::move(measured.skipped), measured.tick.stopped());
    drop_options each_drop = asked;
    file_progress before;  // of the drops that are done
    file_progress so_far;
    if (asked.progress)
        each_drop.progress = [&](const file_progress& now) {
            so_far = {before.done_files + now.done_files, before.total_files + now.total_files,
                      before.bytes + now.bytes};
            return asked.progress(so_far);
        };
    const auto drop_some = [&](target_list some) {
        const drop_report done = drop_files(std::move(some), each_drop);
        report += done;
        before = so_far;
        return done;
    };
    target_list failed;  // so that the report has their errors
    for (std::size_t i = 0; i != measured.records.size(); ++i)
        if (measured.records[i].error != 0) failed.append(measured.targets, i);
    bool goes_on = !report.stopped();
    if (goes_on && failed.size() != 0)
        goes_on = drop_some(std::move(failed)).ok() || !asked.fail_fast;

    std::int64_t held = 0;
    for (const used_file& each : waiting) add_bytes(held, each.resident_bytes);
    auto next = waiting.begin();
    while (goes_on && held > most_bytes && next != waiting.end()) {
        target_list going;
        for (std::int64_t excess = held - most_bytes; excess > 0 && next != waiting.end(); ++next) {
            going.append(measured.targets, next->position);
            excess -= next->resident_bytes;
        }
        const drop_report done = drop_some(std::move(going));
        held -= done.totals().known_evicted_bytes();
        goes_on = !done.stopped() && (done.ok() || !asked.fail_fast);
    }
    return report;
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
