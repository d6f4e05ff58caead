#pragma once

#include <pybind11/pybind11.h>

#include "accv_cache/detail/targets.hpp"
#include "paths.hpp"

namespace accv_cache::python {

/// Reads a list of paths, descriptors and open files. Throws the Python error of an item that is
/// none of these.
inline detail::target_list as_targets(const pybind11::iterable& items) {
    detail::target_list targets;
    for (const pybind11::handle item : items) {
        const bool is_text = PyUnicode_Check(item.ptr()) != 0 || PyBytes_Check(item.ptr()) != 0;
        const bool is_number = PyLong_Check(item.ptr()) != 0 && PyBool_Check(item.ptr()) == 0;
        if (is_number || (!is_text && pybind11::hasattr(item, "fileno"))) {
            const int fd = PyObject_AsFileDescriptor(item.ptr());
            if (fd < 0 && PyErr_ExceptionMatches(PyExc_OverflowError) != 0) {
                PyErr_Clear();
                throw pybind11::value_error("no descriptor is so large a number");
            }
            if (fd < 0) throw pybind11::error_already_set();
            targets.append(fd);
        } else {
            const auto path = as_path(item);
            if (!path) throw pybind11::error_already_set();
            targets.append(view_of(path));
        }
    }
    return targets;
}

}  // namespace accv_cache::python
