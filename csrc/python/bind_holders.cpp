// SPDX-License-Identifier: Apache-2.0
// Binds `holders`.
#include <pybind11/stl.h>

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "accv_cache/holders.hpp"
#include "bind.hpp"
#include "interrupts.hpp"

namespace py = pybind11;

namespace accv_cache::python {
namespace {

using row = std::tuple<int, py::bytes, std::size_t, std::int64_t, bool>;

std::tuple<std::vector<row>, std::size_t, bool, int> find(const std::vector<std::string>& paths) {
    const holders_report report =
        run_interruptibly(py::none(), [&](interrupts&) { return holders(paths); });
    std::vector<row> rows;
    rows.reserve(report.holders.size());
    for (const holder& each : report.holders)
        rows.emplace_back(each.process, each.command, each.file, each.mapped_bytes, each.open);
    return {std::move(rows), report.unreadable_processes, report.hidden_processes, report.error};
}

}  // namespace

void bind_holders(py::module_& module) { module.def("holders", &find, py::arg("paths")); }

}  // namespace accv_cache::python
