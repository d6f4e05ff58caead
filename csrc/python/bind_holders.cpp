// SPDX-License-Identifier: Apache-2.0
// Binds `holders`.
#include <pybind11/stl.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "accv_cache/holders.hpp"
#include "bind.hpp"
#include "interrupts.hpp"
#include "rows.hpp"

namespace py = pybind11;

namespace accv_cache::python {
namespace {

using row = std::tuple<int, py::bytes, std::size_t, std::int64_t, bool>;

/// A name, and the identity of the file if that is known: else it is that of who has the name now.
using sought = std::pair<std::string, std::optional<identity_row>>;

std::tuple<std::vector<row>, std::size_t, bool, int> find_holders(
    const std::vector<sought>& files) {
    const holders_report report = run_interruptibly(py::none(), [&](interrupts&) {
        detail::holder_search search;
        for (std::size_t i = 0; i != files.size(); ++i) {
            const auto& [name, identity] = files[i];
            if (identity)
                search.add(i, as_identity(identity), name);
            else
                search.add(i, name);
        }
        return search.run();
    });
    std::vector<row> rows;
    rows.reserve(report.holders.size());
    for (const holder& each : report.holders)
        rows.emplace_back(each.process, each.command, each.file, each.mapped_bytes, each.open);
    return {std::move(rows), report.unreadable_processes, report.hidden_processes, report.error};
}

}  // namespace

void bind_holders(py::module_& module) { module.def("holders", &find_holders, py::arg("files")); }

}  // namespace accv_cache::python
