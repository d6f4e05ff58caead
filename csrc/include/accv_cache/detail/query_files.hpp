// SPDX-License-Identifier: Apache-2.0
// What `query` does with a list of files.
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "accv_cache/cache_report.hpp"
#include "accv_cache/detail/file/byte_range.hpp"
#include "accv_cache/detail/file/descriptor.hpp"
#include "accv_cache/detail/file/file_status.hpp"
#include "accv_cache/detail/file/read_residency.hpp"
#include "accv_cache/detail/file/read_spans.hpp"
#include "accv_cache/detail/list/target_list.hpp"
#include "accv_cache/detail/run/batch.hpp"
#include "accv_cache/detail/verb.hpp"
#include "accv_cache/options.hpp"
#include "accv_cache/residency.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Opens and measures the file at each position of a list.
class query_work : public file_work<cache_record> {
public:
    using item = open_file;

    query_work(target_list files, const query_options& asked)
        : file_work(std::move(files), asked),
          spans(asked.spans ? targets.size() : 0),
          wants_spans_(asked.spans) {
        always_maps = always_maps || wants_spans_;
    }

    verdict prepare(std::size_t position, item& file, bool alone) noexcept {
        const verdict said = open(position, file, alone);
        if (said != proceed) return said;
        if (!range.is_valid()) return fail(position, failed_step::MEASURE, EINVAL);
        if (file.error != 0) return fail(position, file.failed, file.error);
        if (!file.own && only_names(file.fd)) return fail(position, failed_step::MEASURE, EBADF);
        return proceed;
    }

    verdict finish(std::size_t position, item& file) {
        if (set_aside(position, file)) return proceed;
        const verdict said = measure(position, file);
        if (said == proceed) ++counters.done_files;
        return said;
    }

    std::vector<resident_spans> spans;  // empty if not requested

private:
    verdict fail(std::size_t position, failed_step step, int error) noexcept {
        cache_record& record = records[position];
        record.untouched = false;
        record.failed = step;
        record.error = error;
        ++counters.done_files;
        return error;
    }

    verdict measure(std::size_t position, const item& file) {
        residency told = read(file.fd, file.status);
        resident_spans found;
        if (wants_spans_)
            found = read_spans(file.fd, range, file.status, told, file_systems, go_on);
        if (tick.stopped()) return interrupted;

        // Truncating a file meanwhile removes pages. A file that grew is reported at its earlier
        // size.
        struct stat now = file.status;
        if (told.resident_bytes != 0) read_status(file.fd, now);
        cache_record& record = records[position];
        if (has_size(now)) {
            record.size_bytes = std::min(now.st_size, file.status.st_size);
            told.limit_to(most_resident(range, record.size_bytes));
            if (found) cut(*found, record.size_bytes);
        }
        record.untouched = false;
        record.measured_start = std::min(range.offset, record.size_bytes);
        record.measured_stop = std::max(record.measured_start, range.end(record.size_bytes));
        record.source = told.source;
        record.unknown = told.unknown;
        if (wants_spans_) spans[position] = std::move(found);
        if (!told.known()) return proceed;
        record.resident_bytes = told.resident_bytes;
        record.dirty_bytes = told.dirty_bytes;
        record.writeback_bytes = told.writeback_bytes;
        record.evicted_bytes = told.evicted_bytes;
        record.recently_evicted_bytes = told.recently_evicted_bytes;
        counters.bytes += told.resident_bytes;
        return proceed;
    }

    /// Removes spans behind the end of a file that was truncated meanwhile.
    static void cut(std::vector<resident_span>& spans, std::int64_t size) noexcept {
        while (!spans.empty() && spans.back().start >= size) spans.pop_back();
        if (!spans.empty()) spans.back().stop = std::min(spans.back().stop, size);
    }

    const bool wants_spans_;
};

/// Measures the files, those of directories after the rest.
inline void measure_all(query_work& work) {
    batch_options how;
    how.workers = work.options.workers;
    work.tell_start();
    run_batch(work, work.targets.size(), how, work.tick);
    const std::vector<std::size_t> found = work.expand_directories(work.spans);
    subset<query_work> below(work, found);
    run_batch(below, found.size(), how, work.tick);
    work.tell_end();
}

/// `query` over a list of targets.
inline cache_report query_files(target_list files, const query_options& asked) {
    query_work work(std::move(files), asked);
    measure_all(work);
    return {work.targets.take_paths(), std::move(work.records), std::move(work.skipped),
            work.tick.stopped(), std::move(work.spans)};
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
