// SPDX-License-Identifier: Apache-2.0
// Passes a report to Python: a table in C++, whose rows become tuples on access.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "accv_cache/detail/list/path_list.hpp"
#include "accv_cache/file_identity.hpp"
#include "accv_cache/report.hpp"
#include "accv_cache/residency.hpp"
#include "accv_cache/status.hpp"
#include "accv_cache/status_report.hpp"
#include "accv_cache/walk.hpp"
#include "arguments.hpp"

namespace accv_cache::python {

using bytes_or_none = std::optional<std::int64_t>;
using identity_row = std::pair<std::uint64_t, std::uint64_t>;  // device and inode
using skipped_rows = std::vector<std::pair<pybind11::bytes, int>>;

inline pybind11::bytes as_bytes(std::string_view text) { return {text.data(), text.size()}; }

inline std::int64_t as_number(std::size_t count) { return static_cast<std::int64_t>(count); }

inline std::optional<identity_row> as_row(const file_identity& file) {
    if (!file.known()) return std::nullopt;
    return identity_row(file.device, file.inode);
}

inline file_identity as_identity(const std::optional<identity_row>& row) {
    return row ? file_identity{row->first, row->second} : file_identity{};
}

inline void check_position(std::size_t position, std::size_t size) {
    if (position >= size) throw pybind11::index_error("no such file in the report");
}

/// The version of the pickled form. A release that changes the form also reads the old one.
constexpr int pickle_version = 1;

inline void check_version(const pybind11::tuple& state) {
    if (!pybind11::isinstance<pybind11::int_>(state[0]) || state[0].cast<int>() != pickle_version)
        throw pybind11::value_error("the report was pickled by another version of accv_cache");
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

/// For `Rows` of `bind_table`: a report has no other figures than those of its files.
template <class Report>
struct no_other_figures {
    static pybind11::tuple other_figures(const Report&) { return pybind11::tuple(); }
    static Report with_other_figures(Report report, const pybind11::tuple&) { return report; }
};

/// What the rows of `drop` and `prefetch` share; see `bind_table`. `Own` are the types of the
/// fields that only one of them has, which stand before the identity.
template <class Report, class... Own>
struct status_rows : no_other_figures<Report> {
    using report = Report;
    using record = std::decay_t<decltype(std::declval<Report>()[0])>;
    using row = std::tuple<pybind11::bytes, std::optional<int>, int, int, std::int64_t,
                           bytes_or_none, bytes_or_none, int, Own..., std::optional<identity_row>>;

    static bool is_untouched(const record& one) { return !one.status; }

    static bool has_failed(const record& one) {
        return one.status && one.status != DropCacheStatus::SUCCESS;
    }

    static bytes_or_none held(const record& one) {
        return one.before_bytes ? one.after_bytes : std::nullopt;
    }

    static row make_row(const report& all, std::size_t position, Own... own) {
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
                own...,
                as_row(one.identity)};
    }

    /// Makes a report. `take(record, row)` sets the fields that only one of the verbs has.
    template <class Take>
    static report make_report(const std::vector<row>& rows, const skipped_rows& skipped,
                              Take&& take) {
        detail::path_list paths;
        std::vector<record> records;
        records.reserve(rows.size());
        for (const row& from : rows) {
            paths.append(view_of(std::get<0>(from)));
            record& one = records.emplace_back();
            if (const auto status = std::get<1>(from))
                one.status = static_cast<DropCacheStatus>(*status);
            one.failed = static_cast<failed_step>(std::get<2>(from));
            one.error = std::get<3>(from);
            one.size_bytes = std::get<4>(from);
            one.before_bytes = std::get<5>(from);
            one.after_bytes = std::get<6>(from);
            one.unknown = static_cast<unknown_reason>(std::get<7>(from));
            one.identity = as_identity(std::get<8 + sizeof...(Own)>(from));
            take(one, from);
        }
        return {std::move(paths), std::move(records), as_skipped(skipped), false};
    }

    /// The sums that both have, then those of one of them.
    template <class... Numbers, class Reasons>
    static std::vector<std::int64_t> add_up(const status_totals& sums, const Reasons& reasons,
                                            Numbers... numbers) {
        std::vector<std::int64_t> all{as_number(sums.files),
                                      as_number(sums.failed_files),
                                      as_number(sums.unknown_files),
                                      as_number(sums.untouched_files),
                                      sums.known_before_bytes,
                                      sums.known_resident_bytes,
                                      numbers...};
        all.insert(all.end(), reasons.begin(), reasons.end());
        return all;
    }
};

/// The positions of the files for which `is_wanted(record)` is true, at most `most`.
template <class Report, class Predicate>
std::vector<std::size_t> positions_of(const Report& report, Predicate&& is_wanted,
                                      std::optional<std::size_t> most) {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i != report.size() && found.size() != most; ++i)
        if (is_wanted(report[i])) found.push_back(i);
    return found;
}

/// The files to show first, as pairs of rank and position: failed, unknown, largest residency.
template <class Rows>
std::vector<std::pair<std::int64_t, std::size_t>> ranked(const typename Rows::report& report,
                                                         std::size_t most) {
    constexpr std::int64_t first = std::numeric_limits<std::int64_t>::min();
    std::vector<std::pair<std::int64_t, std::size_t>> ranks;
    ranks.reserve(report.size());
    for (std::size_t i = 0; i != report.size(); ++i) {
        const bytes_or_none held = Rows::held(report[i]);
        const std::int64_t rank = Rows::has_failed(report[i]) ? first : held ? -*held : first + 1;
        ranks.emplace_back(rank, i);
    }
    const auto shown = static_cast<std::ptrdiff_t>(std::min(most, ranks.size()));
    std::partial_sort(ranks.begin(), ranks.begin() + shown, ranks.end());
    ranks.resize(static_cast<std::size_t>(shown));
    return ranks;
}

/// The Python type of a report. `Rows` converts one file to a tuple and tuples to a report
/// (`row_at`, `from_rows`), and gives the sums (`totals`), the result of a record (`is_untouched`,
/// `has_failed`), the bytes that the file holds (`held`), and what else a report has
/// (`other_figures`, `with_other_figures`).
template <class Rows>
pybind11::class_<typename Rows::report> bind_table(pybind11::module_& module, const char* name) {
    namespace py = pybind11;
    using report_type = typename Rows::report;
    using record = typename Rows::record;
    using row = typename Rows::row;
    using limit = std::optional<std::size_t>;
    const auto is_unknown = [](const record& each) {
        return !Rows::is_untouched(each) && !Rows::has_failed(each) && !Rows::held(each);
    };
    const auto is_remarkable = [](const record& each) {
        return Rows::has_failed(each) || Rows::held(each) != 0;
    };
    const auto select = [](const report_type& report, const std::vector<std::size_t>& positions) {
        std::vector<row> rows;
        rows.reserve(positions.size());
        for (const std::size_t each : positions) rows.push_back(Rows::row_at(report, each));
        return rows;
    };
    const auto save = [](const report_type& report) {
        std::vector<row> rows;
        rows.reserve(report.size());
        for (std::size_t i = 0; i != report.size(); ++i) rows.push_back(Rows::row_at(report, i));
        const py::tuple files = py::make_tuple(pickle_version, rows, as_rows(report.skipped()));
        return py::tuple(files + Rows::other_figures(report));
    };
    const auto load = [](const py::tuple& state) {
        check_version(state);
        const py::slice others(3, static_cast<py::ssize_t>(state.size()), 1);
        return Rows::with_other_figures(
            Rows::from_rows(state[1].cast<std::vector<row>>(), state[2].cast<skipped_rows>()),
            py::tuple(state[others]));
    };
    return py::class_<report_type>(module, name)
        .def("__len__", &report_type::size)
        .def(
            "row",
            [](const report_type& report, std::size_t position) {
                check_position(position, report.size());
                return Rows::row_at(report, position);
            },
            py::arg("position"))
        .def("paths",
             [](const report_type& report) {
                 std::vector<py::bytes> paths;
                 paths.reserve(report.size());
                 for (std::size_t i = 0; i != report.size(); ++i)
                     paths.push_back(as_bytes(report.path(i)));
                 return paths;
             })
        .def("totals", [](const report_type& report) { return Rows::totals(report); })
        .def(
            "failed",
            [](const report_type& report, limit most) {
                return positions_of(report, &Rows::has_failed, most);
            },
            py::arg("most") = py::none())
        .def(
            "unknown",
            [=](const report_type& report, limit most) {
                return positions_of(report, is_unknown, most);
            },
            py::arg("most") = py::none())
        .def(
            "remarkable",
            [=](const report_type& report, limit most) {
                return positions_of(report, is_remarkable, most);
            },
            py::arg("most") = py::none())
        .def("ranked", &ranked<Rows>, py::arg("most"))
        .def("skipped", [](const report_type& report) { return as_rows(report.skipped()); })
        .def(
            "select",
            [=](const report_type& report, const std::vector<std::size_t>& positions) {
                for (const std::size_t each : positions) check_position(each, report.size());
                return Rows::with_other_figures(Rows::from_rows(select(report, positions), {}),
                                                Rows::other_figures(report));
            },
            py::arg("positions"))
        .def(py::pickle(save, load))  // as 0.1.0 did
        // Since then a pickle names no constructor: after one, pybind11 allocates where no
        // exception may pass.
        .def_static("from_state", load, py::arg("state"))
        .def("__reduce__", [=](const py::object& table) {
            const auto state = save(table.cast<const report_type&>());
            const auto call = py::module_::import("operator").attr("methodcaller");
            return py::make_tuple(call("from_state", state), py::make_tuple(py::type::of(table)));
        });
}

}  // namespace accv_cache::python
