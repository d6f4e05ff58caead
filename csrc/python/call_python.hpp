// SPDX-License-Identifier: Apache-2.0
// Calls into Python that are safe if the interpreter ends meanwhile.
#pragma once

#include <pthread.h>
#include <pybind11/pybind11.h>
#include <unistd.h>

namespace accv_cache::python {

/// For a thread whose interpreter has ended.
[[noreturn]] inline void wait_for_ever(void* = nullptr) {
    for (;;) ::pause();
}

/// Calls `body()`, which takes the GIL or may run Python code, and must not throw.
///
/// Up to Python 3.13, an interpreter that ends calls pthread_exit(3) in daemon threads that take
/// the GIL. The thread must not unwind: that would end the process at the first noexcept function,
/// and destroy Python objects without the GIL. So it waits for the end of the process, as threads
/// do by default from Python 3.14 on.
template <class Body>
[[gnu::noinline]] void call_python(Body&& body) {
    pthread_cleanup_push(&wait_for_ever, nullptr);
    body();
    pthread_cleanup_pop(0);
}

/// The new object that `call()`, a function of Python's C API, returns; empty if it fails.
template <class Call>
pybind11::object object_from(Call&& call) {
    PyObject* made = nullptr;
    call_python([&] { made = call(); });
    return pybind11::reinterpret_steal<pybind11::object>(made);
}

/// Calls `visit(item)` for each item, until it returns false. Throws the Python error of the
/// iteration.
template <class Visit>
void for_each_item(const pybind11::iterable& items, Visit&& visit) {
    const pybind11::object iterator = object_from([&] { return PyObject_GetIter(items.ptr()); });
    while (iterator) {
        const pybind11::object item = object_from([&] { return PyIter_Next(iterator.ptr()); });
        if (!item) break;
        if (!visit(item)) return;
    }
    if (PyErr_Occurred() != nullptr) throw pybind11::error_already_set();
}

}  // namespace accv_cache::python
