// SPDX-License-Identifier: Apache-2.0
// Binds `drop` and its report.
#include <pybind11/stl.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
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

/// In the order of `KEPT_REASONS`.
std::array<std::int64_t, 6> as_array(const kept_bytes& kept) {
    return {kept.dirty, kept.writeback, kept.memory_filesystem, kept.edge, kept.mapped, kept.busy};
}

kept_bytes as_kept(const std::array<std::int64_t, 6>& bytes) {
    return {bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5]};
}

drop_report drop(const py::iterable& paths, const py::dict& asked, bool sync, bool fail_fast) {
    targets files = as_targets(paths);
    drop_options options;
    fill(options, asked);
    options.sync = sync;
    options.fail_fast = fail_fast;
    return run_interruptibly(asked["progress"], [&](interrupts& tick) {
        options.progress = [&](const file_progress& now) {
            return tick(now.done_files, now.total_files, now.bytes);
        };
        return detail::drop_files(std::move(files), options);
    });
}

/// How a report goes to Python and back; see `bind_table`.
struct drop_rows {
    using report = drop_report;
    using record = drop_record;
    using row =
        std::tuple<py::bytes, std::optional<int>, int, int, std::int64_t, bytes_or_none,
                   bytes_or_none, int, std::array<std::int64_t, 6>, std::optional<identity_row>>;

    static bool is_untouched(const record& one) { return !one.status; }

    static bool has_failed(const record& one) {
        return one.status && one.status != DropCacheStatus::SUCCESS;
    }

    static bytes_or_none held(const record& one) {
        return one.before_bytes ? one.after_bytes : std::nullopt;
    }

    static row row_at(const report& all, std::size_t position) {
        const record& one = all[position];
        std::optional<int> status;
        if (one.status) status = static_cast<int>(*one.status);
        return {as_bytes(all.path(position)),
                status,
                static_cast<int>(one.failed),
                one.error,
                one.size_bytes,
                one.before_bytes,
                one.after_bytes,
                static_cast<int>(one.unknown),
                as_array(one.kept),
                as_row(one.identity)};
    }

    static std::vector<std::int64_t> totals(const report& all) {
        const drop_totals sums = all.totals();
        std::vector<std::int64_t> numbers{
            as_number(sums.files),         as_number(sums.failed_files),
            as_number(sums.unknown_files), as_number(sums.untouched_files),
            sums.known_before_bytes,       sums.known_resident_bytes};
        for (const std::int64_t kept : as_array(sums.kept)) numbers.push_back(kept);
        return numbers;
    }

    static report from_rows(const std::vector<row>& rows, const skipped_rows& skipped) {
        detail::path_list paths;
        std::vector<record> records;
        records.reserve(rows.size());
        for (const auto& [path, status, failed, error, size, before, after, unknown, kept,
                          identity] : rows) {
            paths.append(view_of(path));
            record& one = records.emplace_back();
            if (status) one.status = static_cast<DropCacheStatus>(*status);
            one.failed = static_cast<failed_step>(failed);
            one.error = error;
            one.size_bytes = size;
            one.before_bytes = before;
            one.after_bytes = after;
            one.unknown = static_cast<unknown_reason>(unknown);
            one.kept = as_kept(kept);
            one.identity = as_identity(identity);
        }
        return {std::move(paths), std::move(records), as_skipped(skipped), false};
    }
};

}  // namespace

void bind_drop(py::module_& module) {
    bind_table<drop_rows>(module, "DropTable");
    module.attr("KEPT_REASONS") =
        py::make_tuple("DIRTY", "WRITEBACK", "MEMORY_FILESYSTEM", "EDGE", "MAPPED", "BUSY");
    module.def("drop", &drop, py::arg("paths"), py::arg("options"), py::kw_only(), py::arg("sync"),
               py::arg("fail_fast"));
}

}  // namespace accv_cache::python
