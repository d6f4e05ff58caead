// SPDX-License-Identifier: Apache-2.0
// Binds the pattern matching of walks, for names outside of a walk.
#include <string>

#include "accv_cache/detail/list/pattern.hpp"
#include "bind.hpp"

namespace py = pybind11;

namespace accv_cache::python {
namespace {

bool matches(const std::string& pattern, const std::string& path) {
    return detail::matches(pattern.c_str(), path.c_str());
}

}  // namespace

void bind_walk(py::module_& module) {
    module.def("matches", &matches, py::arg("pattern"), py::arg("path"));
}

}  // namespace accv_cache::python
