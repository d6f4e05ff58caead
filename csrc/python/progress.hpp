#pragma once

#include <pybind11/pybind11.h>

#include "accv_cache/detail/list/targets.hpp"

namespace accv_cache::python {

/// Calls the caller's progress function. False if it raised.
inline bool call_progress(const pybind11::object& progress,
                          const detail::file_counters& counters) noexcept {
    if (progress.is_none()) return true;
    PyObject* const answer = PyObject_CallFunction(
        progress.ptr(), "nnL", static_cast<Py_ssize_t>(counters.done_files),
        static_cast<Py_ssize_t>(counters.total_files), static_cast<long long>(counters.bytes));
    Py_XDECREF(answer);
    return answer != nullptr;
}

}  // namespace accv_cache::python
