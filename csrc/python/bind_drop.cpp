// SPDX-License-Identifier: Apache-2.0
// Binds `drop` and its report.
#include <pybind11/stl.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "accv_cache/cache_report.hpp"
#include "accv_cache/drop.hpp"
#include "accv_cache/drop_until.hpp"
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

drop_report drop(const py::iterable& paths, const py::dict& asked, bool sync, bool fail_fast,
                 const cache_report* keep, std::optional<std::int64_t> until_bytes) {
    targets files = as_targets(paths);
    drop_options options;
    options.sync = sync;
    options.fail_fast = fail_fast;
    options.keep = keep;
    return run_verb(asked, options, [&] {
        return until_bytes ? drop_until(std::move(files), *until_bytes, options)
                           : accv_cache::drop(std::move(files), options);
    });
}

/// How a report goes to Python and back; see `bind_table`.
struct drop_rows : status_rows<drop_report, std::array<std::int64_t, 6>> {
    static row row_at(const report& all, std::size_t position) {
        return make_row(all, position, as_array(all[position].kept));
    }

    static std::vector<std::int64_t> totals(const report& all) {
        const drop_totals sums = all.totals();
        return add_up(sums, as_array(sums.kept));
    }

    static report from_rows(const std::vector<row>& rows, const skipped_rows& skipped) {
        return make_report(rows, skipped, [](record& one, const row& from) {
            one.kept = as_kept(std::get<8>(from));
        });
    }
};

}  // namespace

void bind_drop(py::module_& module) {
    bind_table<drop_rows>(module, "DropTable");
    module.attr("KEPT_REASONS") =
        py::make_tuple("DIRTY", "WRITEBACK", "MEMORY_FILESYSTEM", "EDGE", "MAPPED", "BUSY");
    module.def("drop", &drop, py::arg("paths"), py::arg("options"), py::kw_only(), py::arg("sync"),
               py::arg("fail_fast"), py::arg("keep") = py::none(),
               py::arg("until_bytes") = py::none());
}

}  // namespace accv_cache::python
