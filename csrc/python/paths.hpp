#pragma once

#include <pybind11/pybind11.h>

#include <string_view>

namespace accv_cache::python {

/// The bytes of a path (str, bytes or os.PathLike) as the kernel takes them; empty, with the
/// Python error set, if it has none.
inline pybind11::bytes as_path(pybind11::handle object) {
    PyObject* encoded = nullptr;
    PyUnicode_FSConverter(object.ptr(), static_cast<void*>(&encoded));
    return pybind11::reinterpret_steal<pybind11::bytes>(encoded);
}

inline std::string_view view_of(const pybind11::bytes& text) {
    return {PyBytes_AS_STRING(text.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(text.ptr()))};
}

}  // namespace accv_cache::python
