#pragma once

#include <pybind11/pybind11.h>

#include <utility>

namespace accv_cache::python {

/// The tick of a long call that runs without the GIL: takes it back for a moment to let Python run
/// its signal handlers, and stops the call when one of them raises.
///
/// The thread's own state is restored, rather than one looked up, so that this is right in every
/// interpreter; that is safe because `run_batch` ticks on the calling thread alone.
class interrupts {
public:
    interrupts() : released_(PyEval_SaveThread()) {}
    interrupts(const interrupts&) = delete;
    interrupts& operator=(const interrupts&) = delete;
    ~interrupts() { PyEval_RestoreThread(released_); }

    bool operator()() noexcept {
        return (*this)([] { return true; });
    }

    /// Also calls `then` with the GIL held: false if it has set a Python error.
    template <class Then>
    bool operator()(Then&& then) noexcept {
        PyEval_RestoreThread(released_);
        const bool go_on = PyErr_Occurred() == nullptr && PyErr_CheckSignals() == 0 && then();
        released_ = PyEval_SaveThread();
        return go_on;
    }

private:
    PyThreadState* released_;
};

/// Calls `body(tick)`, which must not touch Python but through the tick, with the GIL released.
/// Throws what a signal handler or the tick raised.
template <class Body>
auto run_interruptibly(Body&& body) {
    auto result = [&] {
        interrupts tick;
        return body(tick);
    }();
    if (PyErr_Occurred() != nullptr) throw pybind11::error_already_set();
    return result;
}

}  // namespace accv_cache::python
