// SPDX-License-Identifier: Apache-2.0
// Binds `prefetch` and its report.
#include "accv_cache/prefetch.hpp"

#include <pybind11/stl.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "accv_cache/cache_report.hpp"
#include "arguments.hpp"
#include "bind.hpp"
#include "interrupts.hpp"
#include "rows.hpp"

namespace py = pybind11;

namespace accv_cache::python {
namespace {

/// In the order of `MISSING_REASONS`.
std::array<std::int64_t, 5> as_array(const missing_bytes& missing) {
    return {missing.limit, missing.reclaimed, missing.in_flight, missing.unreadable,
            missing.not_cached};
}

missing_bytes as_missing(const std::array<std::int64_t, 5>& bytes) {
    return {bytes[0], bytes[1], bytes[2], bytes[3], bytes[4]};
}

/// Calls `load(options)` without the GIL.
template <class Load>
prefetch_report run(const py::dict& asked, const bytes_or_none& max_bytes,
                    std::int64_t reserved_bytes, bool refuse, bool wait, Load&& load) {
    prefetch_options options;
    options.max_bytes = max_bytes;
    options.reserved_bytes = reserved_bytes;
    options.on_limit = refuse ? limit_action::REFUSE : limit_action::STOP;
    options.wait = wait;
    return run_verb(asked, options, [&] { return load(options); });
}

prefetch_report prefetch(const py::iterable& paths, const py::dict& asked,
                         const bytes_or_none& max_bytes, std::int64_t reserved_bytes, bool refuse,
                         bool wait) {
    targets files = as_targets(paths);
    return run(asked, max_bytes, reserved_bytes, refuse, wait,
               [&](const prefetch_options& options) {
                   return detail::prefetch_files(std::move(files), options);
               });
}

prefetch_report restore(const cache_report& warm, const py::dict& asked,
                        const bytes_or_none& max_bytes, std::int64_t reserved_bytes, bool refuse,
                        bool wait) {
    return run(
        asked, max_bytes, reserved_bytes, refuse, wait,
        [&](const prefetch_options& options) { return detail::restore_files(warm, options); });
}

using limit_row = std::tuple<std::int64_t, std::int64_t, int, py::bytes>;

std::optional<limit_row> limit_of(const prefetch_report& report) {
    const auto& limit = report.limit();
    if (!limit) return std::nullopt;
    return limit_row{limit->needed_bytes, limit->available_bytes, static_cast<int>(limit->source),
                     as_bytes(limit->cgroup)};
}

std::optional<prefetch_limit> as_limit(const std::optional<limit_row>& row) {
    if (!row) return std::nullopt;
    const auto& [needed, available, source, cgroup] = *row;
    return prefetch_limit{needed, available, static_cast<limit_source>(source),
                          std::string(view_of(cgroup))};
}

/// How a report goes to Python and back; see `bind_table`.
struct prefetch_rows : status_rows<prefetch_report, bytes_or_none, std::array<std::int64_t, 5>> {
    static row row_at(const report& all, std::size_t position) {
        const record& one = all[position];
        return make_row(all, position, one.loaded_bytes, as_array(one.missing));
    }

    static std::vector<std::int64_t> totals(const report& all) {
        const prefetch_totals sums = all.totals();
        return add_up(sums, as_array(sums.missing), sums.known_loaded_bytes);
    }

    static report from_rows(const std::vector<row>& rows, const skipped_rows& skipped) {
        return make_report(rows, skipped, [](record& one, const row& from) {
            one.loaded_bytes = std::get<8>(from);
            one.missing = as_missing(std::get<9>(from));
        });
    }

    static py::tuple other_figures(const report& all) {
        return py::make_tuple(limit_of(all), all.refused());
    }

    /// `others` is empty in a pickle of a version that did not keep them.
    static report with_other_figures(const report& files, const py::tuple& others) {
        if (others.empty()) return files;
        auto limit = as_limit(others[0].cast<std::optional<limit_row>>());
        return report({}, {}, {}, false, std::move(limit), others[1].cast<bool>()) + files;
    }
};

}  // namespace

void bind_prefetch(py::module_& module) {
    bind_table<prefetch_rows>(module, "PrefetchTable")
        .def("limit", &limit_of)
        .def("refused", &prefetch_report::refused);
    module.attr("MISSING_REASONS") =
        py::make_tuple("LIMIT", "RECLAIMED", "IN_FLIGHT", "UNREADABLE", "NOT_CACHED");
    module.def("prefetch", &prefetch, py::arg("paths"), py::arg("options"), py::kw_only(),
               py::arg("max_bytes"), py::arg("reserved_bytes"), py::arg("refuse"), py::arg("wait"));
    module.def("restore", &restore, py::arg("warm"), py::arg("options"), py::kw_only(),
               py::arg("max_bytes"), py::arg("reserved_bytes"), py::arg("refuse"), py::arg("wait"));
}

}  // namespace accv_cache::python
