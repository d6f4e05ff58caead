// SPDX-License-Identifier: Apache-2.0
// Binds `backing_files`.
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "accv_cache/backing_files.hpp"
#include "bind.hpp"

namespace py = pybind11;

namespace accv_cache::python {
namespace {

std::vector<py::bytes> find_backing_files(const std::string& path) {
    const std::vector<std::string> files = [&] {
        const py::gil_scoped_release released;
        return backing_files(path);
    }();
    return {files.begin(), files.end()};
}

}  // namespace

void bind_backing_files(py::module_& module) {
    module.def("backing_files", &find_backing_files, py::arg("path"));
}

}  // namespace accv_cache::python
