// SPDX-License-Identifier: Apache-2.0
// Binds `cache_budget`.
#include <pybind11/stl.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "accv_cache/cache_budget.hpp"
#include "accv_cache/cache_report.hpp"
#include "bind.hpp"

namespace py = pybind11;

namespace accv_cache::python {
namespace {

/// A file in use, and its budget, which must outlive that.
struct held_use {
    py::object budget;
    std::optional<cache_budget::usage> use;
};

/// The result is made first: where a file that is in use cannot be handed to Python for lack of
/// memory, pybind11 does not end the use.
py::object use(const py::object& budget, const std::string& path, std::int64_t offset,
               std::optional<std::int64_t> length) {
    py::object made = py::cast(held_use{budget, std::nullopt});
    auto& held = made.cast<held_use&>();
    auto& of = budget.cast<cache_budget&>();
    const py::gil_scoped_release without_gil;
    held.use.emplace(of.use(path, offset, length));
    return made;
}

/// Not a constructor: after one, pybind11 allocates where no exception may pass.
cache_budget* make_budget(std::int64_t max_bytes, std::size_t workers, const cache_report* keep) {
    return new cache_budget(max_bytes, workers, keep);
}

}  // namespace

void bind_budget(py::module_& module) {
    using without_gil = py::call_guard<py::gil_scoped_release>;
    py::class_<held_use>(module, "Usage")
        .def("error", [](const held_use& held) { return held.use->error(); })
        .def("leave", [](held_use& held) { held.use->leave(); }, without_gil());
    py::class_<cache_budget>(module, "Budget")
        .def("use", &use, py::arg("path"), py::arg("offset"), py::arg("length"))
        .def("used_bytes", &cache_budget::used_bytes, without_gil())
        .def("dropped_bytes", &cache_budget::dropped_bytes, without_gil())
        .def("close", &cache_budget::close, without_gil());
    module.def("budget", &make_budget, py::arg("max_bytes"), py::arg("workers"), py::arg("keep"),
               py::return_value_policy::take_ownership, py::keep_alive<0, 3>());
}

}  // namespace accv_cache::python
