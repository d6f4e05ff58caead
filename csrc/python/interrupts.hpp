// SPDX-License-Identifier: Apache-2.0
// Runs long calls without the GIL: handles Ctrl-C, the caller's progress function, forks, and an
// interpreter that ends meanwhile.
#pragma once

#include <pybind11/pybind11.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "accv_cache/options.hpp"
#include "arguments.hpp"
#include "call_python.hpp"

namespace accv_cache::python {

/// The tick of a long call that runs without the GIL: takes the GIL briefly to run Python's signal
/// handlers and the caller's progress function, and stops the call when one of them raises.
///
/// It restores the thread's own state instead of looking one up, which is correct in every
/// interpreter. This is safe because a ticker ticks only on the calling thread.
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

    /// Runs signal handlers. Returns false if there is a Python error.
    bool operator()() {
        return hold_gil([] {});
    }

    /// The same, and calls `progress`.
    bool operator()(std::size_t done_files, std::size_t total_files, std::int64_t bytes) {
        // The GIL was just released; taking it again may cost more than a short list.
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

/// Calls `body(tick)` with the GIL released. `body` may use Python only through the tick. Throws
/// what a signal handler or the tick raised.
template <class Body>
auto run_interruptibly(pybind11::handle progress, Body&& body) {
    // NOLINTNEXTLINE(misc-const-correctness): a const report could not be moved to the caller.
    auto result = [&] {
        interrupts tick(progress);
        return body(tick);
    }();
    if (PyErr_Occurred() != nullptr) throw pybind11::error_already_set();
    return result;
}

/// Calls `body()`, which is a verb with these options, as the caller asked for. See
/// `run_interruptibly`.
template <class Body>
auto run_verb(const pybind11::dict& asked, file_options& options, Body&& body) {
    fill(options, asked);
    return run_interruptibly(asked["progress"], [&](interrupts& tick) {
        options.progress = [&](const file_progress& now) {
            return tick(now.done_files, now.total_files, now.bytes);
        };
        return body();
    });
}

}  // namespace accv_cache::python
