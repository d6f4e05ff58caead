// SPDX-License-Identifier: Apache-2.0
// Binds `query` and its report.
#include <pybind11/stl.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "accv_cache/query.hpp"
#include "arguments.hpp"
#include "bind.hpp"
#include "interrupts.hpp"
#include "rows.hpp"

namespace py = pybind11;

namespace accv_cache::python {
namespace {

using span = std::pair<std::int64_t, std::int64_t>;
using spans_or_none = std::optional<std::vector<span>>;
using row = std::tuple<py::bytes, int, std::int64_t, span, int, bytes_or_none, bytes_or_none,
                       bytes_or_none, spans_or_none>;

cache_report query(const py::iterable& paths, const py::dict& asked, bool spans) {
    detail::target_list targets = as_targets(paths);
    query_options options;
    fill(options, asked);
    options.spans = spans;
    return run_interruptibly(asked["progress"], [&](interrupts& tick) {
        options.progress = [&](const file_progress& now) {
            return tick(now.done_files, now.total_files, now.bytes);
        };
        return detail::query_files(std::move(targets), options);
    });
}

row row_at(const cache_report& report, std::size_t position) {
    check_position(position, report.size());
    const cache_record& record = report[position];
    spans_or_none spans;
    if (const auto found = report.spans(position)) {
        spans.emplace();
        for (const resident_span& each : *found) spans->emplace_back(each.start, each.stop);
    }
    return {as_bytes(report.path(position)),
            record.error,
            record.size_bytes,
            span{record.measured_start, record.measured_stop},
            static_cast<int>(record.source),
            record.resident_bytes,
            record.dirty_bytes,
            record.writeback_bytes,
            std::move(spans)};
}

py::tuple totals(const cache_report& report) {
    const cache_totals sums = report.totals();
    return py::make_tuple(sums.files, sums.failed_files, sums.unknown_files,
                          sums.unknown_dirty_files, sums.size_bytes, sums.known_resident_bytes,
                          sums.known_dirty_bytes, sums.known_writeback_bytes);
}

bool has_failed(const cache_record& record) { return record.error != 0; }

cache_report from_rows(const std::vector<row>& all, const skipped_rows& left_out) {
    detail::path_list paths;
    std::vector<cache_record> records;
    std::vector<resident_spans> spans_of_files;
    records.reserve(all.size());
    for (const auto& [path, error, size, measured, source, resident, dirty, writeback, spans] :
         all) {
        paths.append(view_of(path));
        records.push_back({false, failed_step::NONE, error, size, measured.first, measured.second,
                           static_cast<residency_source>(source), unknown_reason::NONE, resident,
                           dirty, writeback, std::nullopt, std::nullopt});
        if (!spans) continue;
        spans_of_files.resize(records.size());
        std::vector<resident_span>& of_file = spans_of_files.back().emplace();
        for (const auto& [start, stop] : *spans) of_file.push_back({start, stop});
    }
    return {std::move(paths), std::move(records), as_skipped(left_out), false,
            std::move(spans_of_files)};
}

}  // namespace

void bind_query(py::module_& module) {
    bind_table<cache_report, row>(module, "CacheTable", &row_at, &totals, &has_failed, &from_rows);
    module.def("query", &query, py::arg("paths"), py::arg("options"), py::kw_only(),
               py::arg("spans"));
}

}  // namespace accv_cache::python
