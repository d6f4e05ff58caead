// SPDX-License-Identifier: Apache-2.0
// Tells a Python function how far a verb has come.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>

namespace accv_cache::python {

/// Calls the caller's progress function. False if it raised.
inline bool call_progress(const pybind11::object& progress, std::size_t done_files,
                          std::size_t total_files, std::int64_t bytes) noexcept {
    if (progress.is_none()) return true;
    PyObject* const answer =
        PyObject_CallFunction(progress.ptr(), "nnL", static_cast<Py_ssize_t>(done_files),
                              static_cast<Py_ssize_t>(total_files), static_cast<long long>(bytes));
    Py_XDECREF(answer);
    return answer != nullptr;
}

}  // namespace accv_cache::python
