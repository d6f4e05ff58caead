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

#include "accv_cache/detail/add_bytes.hpp"
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

cache_report query(const py::iterable& paths, const py::dict& asked, bool spans) {
    targets files = as_targets(paths);
    query_options options;
    options.spans = spans;
    return run_verb(asked, options, [&] { return accv_cache::query(std::move(files), options); });
}

/// The pages of the ranges of all files that were measured: what could be resident.
std::int64_t known_range_bytes(const cache_report& all) {
    std::int64_t sum = 0;
    for (const auto& file : all) {
        const cache_record& one = file.record;
        if (!one.resident_bytes) continue;
        detail::add_bytes(sum, detail::most_resident({one.measured_start, 0}, one.measured_stop));
    }
    return sum;
}

/// How a report goes to Python and back; see `bind_table`.
struct cache_rows : no_other_figures<cache_report> {
    using report = cache_report;
    using record = cache_record;
    using row =
        std::tuple<py::bytes, bool, int, int, std::int64_t, span, int, int, bytes_or_none,
                   bytes_or_none, bytes_or_none, bytes_or_none, bytes_or_none, spans_or_none>;

    static bool is_untouched(const record& one) { return one.untouched; }

    static bool has_failed(const record& one) { return one.error != 0; }

    static bytes_or_none held(const record& one) { return one.resident_bytes; }

    static row row_at(const report& all, std::size_t position) {
        const record& one = all[position];
        spans_or_none spans;
        if (const auto found = all.spans(position)) {
            spans.emplace();
            for (const resident_span& each : *found) spans->emplace_back(each.start, each.stop);
        }
        return {as_bytes(all.path(position)),
                one.untouched,
                static_cast<int>(one.failed),
                one.error,
                one.size_bytes,
                span{one.measured_start, one.measured_stop},
                static_cast<int>(one.source),
                static_cast<int>(one.unknown),
                one.resident_bytes,
                one.dirty_bytes,
                one.writeback_bytes,
                one.evicted_bytes,
                one.recently_evicted_bytes,
                std::move(spans)};
    }

    static std::vector<std::int64_t> totals(const report& all) {
        const cache_totals sums = all.totals();
        return {as_number(sums.files),
                as_number(sums.failed_files),
                as_number(sums.unknown_files),
                as_number(sums.untouched_files),
                as_number(sums.unknown_dirty_files),
                sums.size_bytes,
                known_range_bytes(all),
                sums.known_resident_bytes,
                sums.known_dirty_bytes,
                sums.known_writeback_bytes,
                sums.known_evicted_bytes,
                sums.known_recently_evicted_bytes};
    }

    static report from_rows(const std::vector<row>& rows, const skipped_rows& skipped) {
        detail::path_list paths;
        std::vector<record> records;
        std::vector<resident_spans> spans_of_files;
        records.reserve(rows.size());
        for (const auto& [path, untouched, failed, error, size, measured, source, unknown, resident,
                          dirty, writeback, evicted, recently_evicted, spans] : rows) {
            paths.append(view_of(path));
            record& one = records.emplace_back();
            one.untouched = untouched;
            one.failed = static_cast<failed_step>(failed);
            one.error = error;
            one.size_bytes = size;
            one.measured_start = measured.first;
            one.measured_stop = measured.second;
            one.source = static_cast<residency_source>(source);
            one.unknown = static_cast<unknown_reason>(unknown);
            one.resident_bytes = resident;
            one.dirty_bytes = dirty;
            one.writeback_bytes = writeback;
            one.evicted_bytes = evicted;
            one.recently_evicted_bytes = recently_evicted;
            if (!spans) continue;
            spans_of_files.resize(records.size());
            std::vector<resident_span>& of_file = spans_of_files.back().emplace();
            for (const auto& [start, stop] : *spans) of_file.push_back({start, stop});
        }
        return {std::move(paths), std::move(records), as_skipped(skipped), false,
                std::move(spans_of_files)};
    }
};

}  // namespace

void bind_query(py::module_& module) {
    bind_table<cache_rows>(module, "CacheTable");
    module.def("query", &query, py::arg("paths"), py::arg("options"), py::kw_only(),
               py::arg("spans"));
}

}  // namespace accv_cache::python
