#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "accv_cache/detail/batch.hpp"
#include "accv_cache/detail/residency.hpp"
#include "accv_cache/detail/targets.hpp"
#include "accv_cache/query_report.hpp"

/// What `query` does with a list of files.
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

    file_measuring(const target_list& targets, const query_request& request)
        : targets_(targets),
          request_(request),
          records_(targets.size()),
          spans_(request.spans ? targets.size() : 0) {}

    verdict prepare(std::size_t position, item& file, bool alone) noexcept {
        file = targets_.open(position);
        if (file.error == EINTR) return interrupted;
        if (!alone && is_out_of_descriptors(file.error)) return out_of_descriptors;
        if (file.error == 0 && ::fstat(file.fd, &file.status) != 0) file.error = errno;
        if (request_.range.offset < 0 || request_.range.length < 0) file.error = EINVAL;
        records_[position].error = file.error;
        return proceed;
    }

    verdict finish(std::size_t position, item& file) noexcept {
        if (file.error != 0) return proceed;
        cache_record& record = records_[position];
        const residency told = read_residency(file.fd, request_.range, file.status);
        if (request_.spans && told.known()) spans_[position] = read_spans(file, told);

        // The file may have been truncated meanwhile: its pages went with its end.
        struct stat now = file.status;
        ::fstat(file.fd, &now);
        record.size_bytes = S_ISREG(now.st_mode) ? now.st_size : 0;
        record.source = told.source;
        if (!told.known()) return proceed;
        const std::int64_t most = S_ISREG(now.st_mode) ? most_resident(request_.range, now)
                                                       : std::numeric_limits<std::int64_t>::max();
        const auto at_most = [most](std::int64_t bytes) { return std::min(bytes, most); };
        record.resident_bytes = at_most(told.resident_bytes);
        if (told.dirty_bytes) record.dirty_bytes = at_most(*told.dirty_bytes);
        if (told.writeback_bytes) record.writeback_bytes = at_most(*told.writeback_bytes);
        return proceed;
    }

    std::vector<cache_record>&& take_records() noexcept { return std::move(records_); }
    std::vector<cache_report::spans_of_file>&& take_spans() noexcept { return std::move(spans_); }

private:
    cache_report::spans_of_file read_spans(const item& file, const residency& told) const {
        std::vector<resident_span> spans;
        if (told.resident_bytes == 0) return spans;
        if (told.source != residency_source::MINCORE &&
            !may_trust_mincore(file.fd, file.status, file_system_of(file.fd)))
            return std::nullopt;
        const std::int64_t size = file.status.st_size;
        const std::int64_t page = page_size();
        const bool read = for_each_resident_page(
            file.fd, request_.range.offset, request_.range.end(size), [&](std::int64_t start) {
                const std::int64_t stop = std::min(start + page, size);
                if (!spans.empty() && spans.back().stop == start)
                    spans.back().stop = stop;
                else
                    spans.push_back({start, stop});
            });
        return read ? cache_report::spans_of_file(std::move(spans)) : std::nullopt;
    }

    const target_list& targets_;
    const query_request& request_;
    std::vector<cache_record> records_;
    std::vector<cache_report::spans_of_file> spans_;
};

/// `query` over a list of targets; nothing if the tick said stop.
template <class Tick>
std::optional<cache_report> query_files(target_list targets, const walk_options& walk,
                                        const query_request& request, Tick& tick) {
    std::vector<skipped_path> skipped;
    if (!expand_directories(targets, walk, request.workers, tick, skipped)) return std::nullopt;
    file_measuring job(targets, request);
    batch_options how;
    how.workers = request.workers;
    if (run_batch(job, targets.size(), how, tick).stopped) return std::nullopt;
    return cache_report(targets.take_paths(), job.take_records(), job.take_spans(),
                        std::move(skipped));
}

}  // namespace accv_cache::detail
