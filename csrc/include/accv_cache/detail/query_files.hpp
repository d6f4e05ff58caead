// SPDX-License-Identifier: Apache-2.0
// What `query` does with a list of files.
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "accv_cache/cache_report.hpp"
#include "accv_cache/detail/file/byte_range.hpp"
#include "accv_cache/detail/file/descriptor.hpp"
#include "accv_cache/detail/file/file_system.hpp"
#include "accv_cache/detail/file/read_residency.hpp"
#include "accv_cache/detail/list/targets.hpp"
#include "accv_cache/detail/run/batch.hpp"
#include "accv_cache/detail/verb.hpp"
#include "accv_cache/options.hpp"
#include "accv_cache/residency.hpp"

namespace accv_cache::detail {

/// Opens and measures the file at each position of a list.
class query_work : public file_work<cache_record> {
public:
    using item = open_file;

    query_work(target_list files, const query_options& asked)
        : file_work(std::move(files), asked),
          spans(asked.spans ? targets.size() : 0),
          wants_spans_(asked.spans),
          always_maps_(asked.spans || !has_cachestat()) {}

    verdict prepare(std::size_t position, item& file, bool alone) noexcept {
        const verdict said = open(position, file, alone);
        if (said != proceed) return said;
        if (!range.is_valid()) return fail(position, failed_step::MEASURE, EINVAL);
        if (file.error != 0) return fail(position, file.failed, file.error);
        if (!file.own && only_names(file.fd)) return fail(position, failed_step::MEASURE, EBADF);
        if (file.own && may_map(file)) file.own.keep_access_time();
        return proceed;
    }

    verdict finish(std::size_t position, item& file) {
        if (set_aside(position, file)) return proceed;
        measure(position, file);
        ++counters.done_files;
        return proceed;
    }

    std::vector<resident_spans> spans;  // empty where nobody asked

private:
    verdict fail(std::size_t position, failed_step step, int error) noexcept {
        cache_record& record = records[position];
        record.untouched = false;
        record.failed = step;
        record.error = error;
        ++counters.done_files;
        return error;
    }

    /// Whether mincore(2) may be asked, which wants a mapping.
    bool may_map(const item& file) noexcept {
        return always_maps_ || file_systems.of(file.fd, file.status) != file_system_kind::ordinary;
    }

    void measure(std::size_t position, const item& file) {
        cache_record& record = records[position];
        const residency told = read_residency(file.fd, range, file.status, file_systems);
        if (wants_spans_) spans[position] = read_spans(file.fd, range, file.status, told);

        // The file may have been truncated meanwhile: its pages went with its end.
        struct stat now = file.status;
        if (told.resident_bytes != 0) ::fstat(file.fd, &now);
        const bool regular = S_ISREG(now.st_mode);
        record.size_bytes = regular ? now.st_size : 0;
        record.measured_start = std::min(range.offset, record.size_bytes);
        record.measured_stop = std::max(record.measured_start, range.end(record.size_bytes));
        record.untouched = false;
        record.source = told.source;
        record.unknown = told.unknown;
        if (!told.known()) return;
        if (wants_spans_)
            if (auto& found = spans[position]) cut(*found, now.st_size);
        const std::int64_t most =
            regular ? most_resident(range, now) : std::numeric_limits<std::int64_t>::max();
        const auto at_most = [most](std::int64_t bytes) { return std::min(bytes, most); };
        record.resident_bytes = at_most(told.resident_bytes);
        if (told.dirty_bytes) record.dirty_bytes = at_most(*told.dirty_bytes);
        if (told.writeback_bytes) record.writeback_bytes = at_most(*told.writeback_bytes);
        record.evicted_bytes = told.evicted_bytes;
        record.recently_evicted_bytes = told.recently_evicted_bytes;
        counters.bytes += *record.resident_bytes;
    }

    /// Forgets what lies behind the end of a file that was truncated meanwhile.
    static void cut(std::vector<resident_span>& spans, std::int64_t size) noexcept {
        while (!spans.empty() && spans.back().start >= size) spans.pop_back();
        if (!spans.empty()) spans.back().stop = std::min(spans.back().stop, size);
    }

    const bool wants_spans_;
    const bool always_maps_;
};

/// `query` over a list of targets.
inline cache_report query_files(target_list targets, const query_options& asked) {
    query_work work(std::move(targets), asked);
    batch_options how;
    how.workers = asked.workers;
    work.tell_start();
    run_batch(work, work.targets.size(), how, work.tick);
    const std::vector<std::size_t> found = work.expand_directories(work.spans);
    subset<query_work> below(work, found);
    run_batch(below, found.size(), how, work.tick);
    work.tell_end();
    return {work.targets.take_paths(), std::move(work.records), std::move(work.skipped),
            work.tick.stopped(), std::move(work.spans)};
}

}  // namespace accv_cache::detail
