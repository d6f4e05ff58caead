// SPDX-License-Identifier: Apache-2.0
// How a report goes to Python: a table in C++, whose rows become tuples when somebody looks.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accv_cache/walk.hpp"
#include "arguments.hpp"

namespace accv_cache::python {

using bytes_or_none = std::optional<std::int64_t>;
using skipped_rows = std::vector<std::pair<pybind11::bytes, int>>;

inline pybind11::bytes as_bytes(std::string_view text) { return {text.data(), text.size()}; }

inline void check_position(std::size_t position, std::size_t size) {
    if (position >= size) throw pybind11::index_error("no such file in the report");
}

inline skipped_rows as_rows(const std::vector<skipped_path>& skipped) {
    skipped_rows rows;
    rows.reserve(skipped.size());
    for (const skipped_path& each : skipped)
        rows.emplace_back(as_bytes(each.path), static_cast<int>(each.reason));
    return rows;
}

inline std::vector<skipped_path> as_skipped(const skipped_rows& rows) {
    std::vector<skipped_path> skipped;
    skipped.reserve(rows.size());
    for (const auto& [path, reason] : rows)
        skipped.push_back({std::string(view_of(path)), static_cast<skip_reason>(reason)});
    return skipped;
}

/// The Python type of a report: rows by position, sums, addition, pickling.
template <class Report, class Row, class Record>
pybind11::class_<Report> bind_table(
    pybind11::module_& module, const char* name, Row (*row_at)(const Report&, std::size_t),
    pybind11::tuple (*totals)(const Report&), bool (*has_failed)(const Record&),
    Report (*from_rows)(const std::vector<Row>&, const skipped_rows&)) {
    namespace py = pybind11;
    const auto save = [row_at](const Report& report) {
        std::vector<Row> rows;
        rows.reserve(report.size());
        for (std::size_t i = 0; i != report.size(); ++i) rows.push_back(row_at(report, i));
        return py::make_tuple(rows, as_rows(report.skipped()));
    };
    const auto load = [from_rows](const py::tuple& state) {
        return from_rows(state[0].cast<std::vector<Row>>(), state[1].cast<skipped_rows>());
    };
    const auto failed = [has_failed](const Report& report) {
        std::vector<std::size_t> positions;
        for (std::size_t i = 0; i != report.size(); ++i)
            if (has_failed(report[i])) positions.push_back(i);
        return positions;
    };
    return py::class_<Report>(module, name)
        .def("__len__", &Report::size)
        .def("row", row_at, py::arg("position"))
        .def("totals", totals)
        .def("failed", failed)
        .def("skipped", [](const Report& report) { return as_rows(report.skipped()); })
        .def("__add__", [](const Report& left, const Report& right) { return left + right; })
        .def(py::pickle(save, load));
}

}  // namespace accv_cache::python
