// SPDX-License-Identifier: Apache-2.0
// Binds `cgroup_memory`, `memory_limit` and `machine_memory`.
#include <pybind11/stl.h>

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "accv_cache/cgroup_memory.hpp"
#include "accv_cache/machine_memory.hpp"
#include "bind.hpp"

namespace py = pybind11;

namespace accv_cache::python {
namespace {

using figure = std::optional<std::int64_t>;
using cgroup_row = std::tuple<int, py::bytes, figure, figure, figure, figure, figure, figure,
                              figure, figure, figure, figure, figure>;
using machine_row = std::tuple<figure, figure, figure, figure, figure, figure>;

/// The caller's cgroup, that of a process, or that of a folder.
std::optional<cgroup_row> cgroup_of(std::optional<int> process, std::optional<std::string> path) {
    const auto memory = [&] {
        const py::gil_scoped_release released;
        return process ? cgroup_memory(*process) : path ? cgroup_memory(*path) : cgroup_memory();
    }();
    if (!memory) return std::nullopt;
    return cgroup_row(memory->version, memory->path, memory->limit_bytes, memory->usage_bytes,
                      memory->anon_bytes, memory->file_bytes, memory->active_file_bytes,
                      memory->inactive_file_bytes, memory->dirty_bytes, memory->writeback_bytes,
                      memory->shmem_bytes, memory->kernel_bytes, memory->machine_bytes);
}

/// The verdict and the largest part of the working set, from the figures of a row.
std::pair<int, int> verdict_of(const cgroup_row& row) {
    cgroup_memory_report memory;
    py::bytes path;
    std::tie(memory.version, path, memory.limit_bytes, memory.usage_bytes, memory.anon_bytes,
             memory.file_bytes, memory.active_file_bytes, memory.inactive_file_bytes,
             memory.dirty_bytes, memory.writeback_bytes, memory.shmem_bytes, memory.kernel_bytes,
             memory.machine_bytes) = row;
    return {static_cast<int>(memory.verdict()), static_cast<int>(memory.most_of_working_set())};
}

std::optional<machine_row> machine() {
    const auto memory = machine_memory();
    if (!memory) return std::nullopt;
    return machine_row(memory->total_bytes, memory->available_bytes, memory->free_bytes,
                       memory->active_file_bytes, memory->inactive_file_bytes, memory->dirty_bytes);
}

}  // namespace

void bind_cgroup_memory(py::module_& module) {
    module.def("cgroup_memory", &cgroup_of, py::arg("pid"), py::arg("path"));
    module.def("cgroup_verdict", &verdict_of, py::arg("figures"));
    module.def("machine_memory", &machine, py::call_guard<py::gil_scoped_release>());
    module.def("memory_limit", &memory_limit, py::call_guard<py::gil_scoped_release>());
}

}  // namespace accv_cache::python
