// SPDX-License-Identifier: Apache-2.0
// Binds `drop` and its report.
#include <pybind11/stl.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "accv_cache/drop.hpp"
#include "arguments.hpp"
#include "bind.hpp"
#include "interrupts.hpp"
#include "rows.hpp"

namespace py = pybind11;

namespace accv_cache::python {
namespace {

std::array<std::int64_t, 6> as_array(const kept_bytes& kept) {
    return {kept.dirty, kept.writeback, kept.memory_filesystem, kept.edge, kept.mapped, kept.busy};
}

kept_bytes as_kept(const std::array<std::int64_t, 6>& bytes) {
    return {bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5]};
}

drop_report drop(const py::iterable& paths, const py::dict& asked, bool sync, bool fail_fast) {
    detail::target_list targets = as_targets(paths);
    drop_options options;
    fill(options, asked);
    options.sync = sync;
    options.fail_fast = fail_fast;
    return run_interruptibly(asked["progress"], [&](interrupts& tick) {
        options.progress = [&](const file_progress& now) {
            return tick(now.done_files, now.total_files, now.bytes);
        };
        return detail::drop_files(std::move(targets), options);
    });
}

using row = std::tuple<py::bytes, int, int, std::int64_t, bytes_or_none, bytes_or_none,
                       std::array<std::int64_t, 6>>;

row row_at(const drop_report& report, std::size_t position) {
    check_position(position, report.size());
    const drop_record& record = report[position];
    return {as_bytes(report.path(position)),
            static_cast<int>(record.status.value_or(DropCacheStatus::SUCCESS)),
            record.error,
            record.size_bytes,
            record.before_bytes,
            record.after_bytes,
            as_array(record.kept)};
}

py::tuple totals(const drop_report& report) {
    const drop_totals sums = report.totals();
    return py::make_tuple(sums.files, sums.failed_files, sums.unknown_files,
                          sums.known_before_bytes, sums.known_resident_bytes, as_array(sums.kept));
}

bool has_failed(const drop_record& record) { return record.status != DropCacheStatus::SUCCESS; }

drop_report from_rows(const std::vector<row>& all, const skipped_rows& left_out) {
    detail::path_list paths;
    std::vector<drop_record> records;
    records.reserve(all.size());
    for (const auto& [path, status, error, size, before, after, kept] : all) {
        paths.append(view_of(path));
        records.push_back({static_cast<DropCacheStatus>(status), failed_step::NONE, error, size,
                           before, after, unknown_reason::NONE, as_kept(kept)});
    }
    return {std::move(paths), std::move(records), as_skipped(left_out), false};
}

}  // namespace

void bind_drop(py::module_& module) {
    bind_table<drop_report, row>(module, "DropTable", &row_at, &totals, &has_failed, &from_rows);
    module.def("drop", &drop, py::arg("paths"), py::arg("options"), py::kw_only(), py::arg("sync"),
               py::arg("fail_fast"));
}

}  // namespace accv_cache::python
