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

void bind_budget(const py::module_& module) {
    using without_gil = py::call_guard<py::gil_scoped_release>;
    using usage = cache_budget::usage;
    py::class_<usage>(module, "Usage")
        .def("error", &usage::error)
        .def("leave", &usage::leave, without_gil());
    py::class_<cache_budget>(module, "Budget")
        .def(py::init<std::int64_t, std::size_t, const cache_report*>(), py::arg("max_bytes"),
             py::arg("workers"), py::arg("keep"), py::keep_alive<1, 4>())
        .def("use", &cache_budget::use, py::arg("path"), py::arg("offset"), py::arg("length"),
             py::keep_alive<0, 1>(), without_gil())
        .def("used_bytes", &cache_budget::used_bytes, without_gil())
        .def("dropped_bytes", &cache_budget::dropped_bytes, without_gil())
        .def("close", &cache_budget::close, without_gil());
}

}  // namespace accv_cache::python
