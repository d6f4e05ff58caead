// SPDX-License-Identifier: Apache-2.0
// What the extension module consists of.
#pragma once

#include <pybind11/pybind11.h>

namespace accv_cache::python {

/// One function per topic; module.cpp calls each once.
void bind_enums(const pybind11::module_& module);
void bind_drop(pybind11::module_& module);
void bind_query(pybind11::module_& module);
void bind_prefetch(pybind11::module_& module);
void bind_budget(pybind11::module_& module);
void bind_cgroup_memory(pybind11::module_& module);
void bind_backing_files(pybind11::module_& module);
void bind_holders(pybind11::module_& module);
void bind_walk(pybind11::module_& module);
void bind_drop_videos_cache(pybind11::module_& module);

}  // namespace accv_cache::python
