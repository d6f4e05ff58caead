// SPDX-License-Identifier: Apache-2.0
// Converts Python arguments: paths, descriptors and options.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accv_cache/options.hpp"
#include "accv_cache/targets.hpp"
#include "call_python.hpp"

namespace accv_cache::python {

/// The bytes of a path (str, bytes or os.PathLike) for the kernel; empty, with the Python error
/// set, if the object is no path.
inline pybind11::bytes as_path(pybind11::handle object) {
    PyObject* encoded = nullptr;
    call_python([&] { PyUnicode_FSConverter(object.ptr(), static_cast<void*>(&encoded)); });
    return pybind11::reinterpret_steal<pybind11::bytes>(encoded);
}

inline std::string_view view_of(const pybind11::bytes& text) {
    return {PyBytes_AS_STRING(text.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(text.ptr()))};
}

/// The descriptor given as a number or as an object with fileno(). Throws the Python error of
/// anything else.
inline int as_descriptor(const pybind11::handle item) {
    int fd = -1;
    call_python([&] { fd = PyObject_AsFileDescriptor(item.ptr()); });
    if (fd >= 0) return fd;
    // Python's error for a negative number is clear; the one for an overflow is not.
    if (PyErr_ExceptionMatches(PyExc_OverflowError) == 0) throw pybind11::error_already_set();
    PyErr_Clear();
    throw pybind11::value_error("a descriptor is a number from 0 to 2147483647");
}

/// Adds a path, a descriptor or an open file. Throws the Python error of any other item.
inline void append_target(targets& files, const pybind11::handle item) {
    // A bool is an int in Python, but never meant as a descriptor.
    if (PyBool_Check(item.ptr()) != 0)
        throw pybind11::type_error("pass paths, descriptors or open files, not a bool");
    const bool is_text = PyUnicode_Check(item.ptr()) != 0 || PyBytes_Check(item.ptr()) != 0;
    bool is_open = PyLong_Check(item.ptr()) != 0;
    if (!is_open && !is_text)
        call_python([&] { is_open = PyObject_HasAttrString(item.ptr(), "fileno") != 0; });
    if (is_open) {
        files.append(as_descriptor(item));
        return;
    }
    const auto path = as_path(item);
    if (!path) throw pybind11::error_already_set();
    files.append(view_of(path));
}

/// Adds the position of the item to an error. Errors of other types than Python's own for bad
/// arguments, such as those of a `__fspath__`, are not changed.
inline void name_item(pybind11::error_already_set& error, std::size_t position) {
    const pybind11::object unsupported =
        pybind11::module_::import("io").attr("UnsupportedOperation");
    for (PyObject* const type :
         {PyExc_TypeError, PyExc_ValueError, PyExc_UnicodeEncodeError, unsupported.ptr()}) {
        if (error.type().ptr() != type) continue;
        PyObject* const raised = type == PyExc_UnicodeEncodeError ? PyExc_ValueError : type;
        const std::string text = "item " + std::to_string(position) +
                                 " is no path, descriptor or open file: " +
                                 pybind11::str(error.value()).cast<std::string>();
        pybind11::raise_from(error, raised, text.c_str());
        throw pybind11::error_already_set();
    }
}

/// Reads a list of paths, descriptors and open files. Throws the Python error of any other item.
inline targets as_targets(const pybind11::iterable& items) {
    targets files;
    std::size_t position = 0;
    for_each_item(items, [&](const pybind11::handle item) {
        try {
            append_target(files, item);
        } catch (pybind11::error_already_set& error) {
            name_item(error, position);
            throw;
        } catch (const pybind11::builtin_exception& error) {
            error.set_error();
            pybind11::error_already_set raised;
            name_item(raised, position);
            throw;
        }
        ++position;
        return true;
    });
    return files;
}

/// Sets the shared options, except `progress`, from `FileOptions` of _arguments.py.
inline void fill(file_options& options, const pybind11::dict& asked) {
    options.offset = asked["offset"].cast<std::int64_t>();
    options.length = asked["length"].cast<std::optional<std::int64_t>>();
    options.recursive = asked["recursive"].cast<bool>();
    options.include = asked["include"].cast<std::vector<std::string>>();
    options.exclude = asked["exclude"].cast<std::vector<std::string>>();
    options.max_size_bytes = asked["max_size_bytes"].cast<std::optional<std::int64_t>>();
    options.follow_symlinks = asked["follow_symlinks"].cast<bool>();
    options.workers = asked["workers"].cast<std::optional<std::size_t>>().value_or(0);
}

}  // namespace accv_cache::python
