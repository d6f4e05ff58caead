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
#include "accv_cache/detail/eviction.hpp"
#include "accv_cache/detail/expansion.hpp"
#include "accv_cache/detail/file/byte_range.hpp"
#include "accv_cache/detail/file/descriptor.hpp"
#include "accv_cache/detail/file/file_system.hpp"
#include "accv_cache/detail/file/read_residency.hpp"
#include "accv_cache/detail/list/targets.hpp"
#include "accv_cache/detail/run/batch.hpp"

namespace accv_cache::detail {

struct query_request {
    byte_range range;
    bool spans = false;
    std::size_t workers = 0;
};

/// Opens and measures the file at each position of a list.
class file_measuring {
public:
    using item = open_file;

    file_measuring(target_list targets, const query_request& request, file_counters& counters)
        : targets_(std::move(targets)),
          request_(request),
          counters_(counters),
          always_maps_(request.spans || !has_cachestat()),
          records_(targets_.size()),
          spans_(request.spans ? targets_.size() : 0),
          is_directory_(targets_.size(), 0) {
        counters_.total_files = targets_.size();
    }

    verdict prepare(std::size_t position, item& file, bool alone) noexcept {
        file = targets_.open(position);
        if (file.error == EINTR) return interrupted;
        if (!alone && is_out_of_descriptors(file.error)) return out_of_descriptors;
        if (file.error == 0 && ::fstat(file.fd, &file.status) != 0) file.error = errno;
        if (file.own && may_map(file)) file.own.keep_access_time();
        if (file.error == 0 && !file.own && only_names(file.fd)) file.error = EBADF;
        if (!request_.range.is_valid()) file.error = EINVAL;
        records_[position].error = file.error;
        return proceed;
    }

    verdict finish(std::size_t position, item& file) noexcept {
        if (file.error == 0 && file.own && S_ISDIR(file.status.st_mode)) {
            is_directory_[position] = 1;
            return proceed;
        }
        if (file.error == 0) measure(position, file);
        ++counters_.done_files;
        return proceed;
    }

    const target_list& targets() const noexcept { return targets_; }
    const std::vector<char>& is_directory() const noexcept { return is_directory_; }

    /// Goes on with a list in which files stand in for directories.
    void adopt(expansion& expanded) {
        records_ = expanded.carry_over(std::move(records_));
        if (request_.spans) spans_ = expanded.carry_over(std::move(spans_));
        is_directory_.assign(expanded.targets.size(), 0);
        targets_ = std::move(expanded.targets);
        counters_.total_files = targets_.size();
    }

    cache_report report(std::vector<skipped_path> skipped, bool stopped) {
        return {targets_.take_paths(), std::move(records_), std::move(spans_), std::move(skipped),
                stopped};
    }

private:
    /// Whether mincore(2) may be asked, which wants a mapping.
    bool may_map(const item& file) noexcept {
        return always_maps_ || file_systems_.of(file.fd, file.status) != file_system_kind::ordinary;
    }

    void measure(std::size_t position, const item& file) noexcept {
        cache_record& record = records_[position];
        const residency told = read_residency(file.fd, request_.range, file.status, file_systems_);
        if (request_.spans)
            spans_[position] = read_spans(file.fd, request_.range, file.status, told);

        // The file may have been truncated meanwhile: its pages went with its end.
        struct stat now = file.status;
        if (told.resident_bytes != 0) ::fstat(file.fd, &now);
        const bool regular = S_ISREG(now.st_mode);
        record.size_bytes = regular ? now.st_size : 0;
        record.measured_start = std::min(request_.range.offset, record.size_bytes);
        record.measured_stop =
            std::max(record.measured_start, request_.range.end(record.size_bytes));
        record.source = told.source;
        if (!told.known()) return;
        if (request_.spans)
            if (auto& spans = spans_[position]) cut(*spans, now.st_size);
        const std::int64_t most =
            regular ? most_resident(request_.range, now) : std::numeric_limits<std::int64_t>::max();
        const auto at_most = [most](std::int64_t bytes) { return std::min(bytes, most); };
        record.resident_bytes = at_most(told.resident_bytes);
        if (told.dirty_bytes) record.dirty_bytes = at_most(*told.dirty_bytes);
        if (told.writeback_bytes) record.writeback_bytes = at_most(*told.writeback_bytes);
        counters_.bytes += *record.resident_bytes;
    }

    /// Forgets what lies behind the end of a file that was truncated meanwhile.
    static void cut(std::vector<resident_span>& spans, std::int64_t size) noexcept {
        while (!spans.empty() && spans.back().start >= size) spans.pop_back();
        if (!spans.empty()) spans.back().stop = std::min(spans.back().stop, size);
    }

    target_list targets_;
    const query_request& request_;
    file_counters& counters_;
    const bool always_maps_;
    file_system_memory file_systems_;
    std::vector<cache_record> records_;
    std::vector<resident_spans> spans_;
    std::vector<char> is_directory_;  // not vector<bool>: threads write neighbours
};

/// `query` over a list of targets. `teller(counters)` is called as a ticker calls its function.
template <class Teller>
cache_report query_files(target_list targets, const walk_options& walk,
                         const query_request& request, const Teller& teller) {
    file_counters counters;
    const auto tell = [&] { return teller(std::as_const(counters)); };
    ticker tick(tell);
    batch_options how;
    how.workers = request.workers;

    const std::size_t count = targets.size();
    file_measuring job(std::move(targets), request, counters);
    run_batch(job, count, how, tick);

    std::vector<skipped_path> skipped;
    if (!tick.stopped() && has_directory(job.is_directory())) {
        expansion expanded = expand(job.targets(), job.is_directory(), walk, tick);
        const std::vector<std::size_t> found = expanded.found();
        job.adopt(expanded);
        skipped = std::move(expanded.skipped);
        subset<file_measuring> rest(job, found);
        run_batch(rest, found.size(), how, tick);
    }
    if (!tick.stopped()) tick.serve();  // so that the last progress says that all is done
    return job.report(std::move(skipped), tick.stopped());
}

}  // namespace accv_cache::detail
