// SPDX-License-Identifier: Apache-2.0
// Long calls without the GIL: Ctrl-C, the caller's progress function, forks, and an interpreter
// that ends meanwhile.
#pragma once

#include <pybind11/pybind11.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "call_python.hpp"

namespace accv_cache::python {

/// The tick of a long call that runs without the GIL: takes it back for a moment to let Python run
/// its signal handlers and to call the caller's progress function, and stops the call when one of
/// them raises.
///
/// The thread's own state is restored, rather than one looked up, so that this is right in every
/// interpreter; that is safe because a ticker ticks on the calling thread alone.
class interrupts {
public:
    /// `progress`: a callable, or None.
    explicit interrupts(pybind11::handle progress)
        : progress_(progress.is_none() ? nullptr : progress.ptr()),
          released_(PyEval_SaveThread()) {}
    interrupts(const interrupts&) = delete;
    interrupts& operator=(const interrupts&) = delete;
    ~interrupts() {
        call_python([&] { PyEval_RestoreThread(released_); });
    }

    /// Lets signal handlers run. False if there is a Python error.
    bool operator()() {
        return hold_gil([] {});
    }

    /// The same, and tells `progress` how far the call has come.
    bool operator()(std::size_t done_files, std::size_t total_files, std::int64_t bytes) {
        // The GIL was given up a moment ago; taking it back may cost more than a short list.
        if (progress_ == nullptr && std::exchange(is_first_, false)) return true;
        return hold_gil([&] {
            if (progress_ == nullptr) return;
            Py_XDECREF(PyObject_CallFunction(progress_, "nnL", static_cast<Py_ssize_t>(done_files),
                                             static_cast<Py_ssize_t>(total_files),
                                             static_cast<long long>(bytes)));
        });
    }

private:
    template <class Tell>
    bool hold_gil(Tell&& tell) {
        bool go_on = false;
        call_python([&] {
            PyEval_RestoreThread(released_);
            const pid_t process = ::getpid();
            if (PyErr_Occurred() == nullptr && PyErr_CheckSignals() == 0) tell();
            if (PyErr_Occurred() == nullptr && ::getpid() != process)
                PyErr_SetString(PyExc_RuntimeError,
                                "this process was forked in the middle of the call, of which it "
                                "has no threads: call again");
            go_on = PyErr_Occurred() == nullptr;
            released_ = PyEval_SaveThread();
        });
        return go_on;
    }

    PyObject* const progress_;
    PyThreadState* released_;
    bool is_first_ = true;
};

/// Calls `body(tick)`, which must not touch Python but through the tick, with the GIL released.
/// Throws what a signal handler or the tick raised.
template <class Body>
auto run_interruptibly(pybind11::handle progress, Body&& body) {
    auto result = [&] {
        interrupts tick(progress);
        return body(tick);
    }();
    if (PyErr_Occurred() != nullptr) throw pybind11::error_already_set();
    return result;
}

}  // namespace accv_cache::python
