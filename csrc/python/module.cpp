// SPDX-License-Identifier: Apache-2.0
// The extension module `accv_cache._core`.
#include "accv_cache/accv_cache.hpp"
#include "bind.hpp"

namespace py = pybind11;

// The module has no state of its own, so it needs neither the GIL nor the main interpreter.
PYBIND11_MODULE(_core, module, py::mod_gil_not_used(),
                py::multiple_interpreters::per_interpreter_gil()) {
    module.doc() = "The system calls of accv_cache.";
    module.attr("__version__") = ACCV_CACHE_VERSION;
    accv_cache::python::bind_enums(module);
    accv_cache::python::bind_drop(module);
    accv_cache::python::bind_query(module);
    accv_cache::python::bind_prefetch(module);
    accv_cache::python::bind_budget(module);
    accv_cache::python::bind_cgroup_memory(module);
    accv_cache::python::bind_backing_files(module);
    accv_cache::python::bind_holders(module);
    accv_cache::python::bind_walk(module);
    accv_cache::python::bind_drop_videos_cache(module);
}
