// SPDX-License-Identifier: Apache-2.0
// Binds `drop_videos_cache`.
#include <utility>

#include "accv_cache/drop_videos_cache.hpp"
#include "arguments.hpp"
#include "bind.hpp"
#include "interrupts.hpp"

namespace py = pybind11;

namespace accv_cache::python {
namespace {

/// The status for a bad item of the list, by the Python error that it raised. An error that is not
/// about the item, such as KeyboardInterrupt, reaches the caller.
DropCacheStatus status_of_bad_item() {
    const py::error_already_set error;
    if (!error.matches(PyExc_Exception)) throw py::error_already_set(error);
    return error.matches(PyExc_OSError) ? DropCacheStatus::FILE_OPEN_FAILED
                                        : DropCacheStatus::UNKNOWN_ERROR;
}

DropCacheStatus drop_videos(const py::iterable& filepaths, std::size_t workers) {
    targets files;
    DropCacheStatus behind_them = DropCacheStatus::SUCCESS;
    for_each_item(filepaths, [&](const py::handle item) {
        const py::bytes path = as_path(item);
        if (path)
            files.append(view_of(path));
        else
            behind_them = status_of_bad_item();
        return static_cast<bool>(path);  // nothing behind a bad item may be evicted
    });
    const DropCacheStatus status = run_interruptibly(py::none(), [&](interrupts& look) {
        detail::ticker tick(look);
        return detail::drop_videos(std::move(files), workers, tick);
    });
    return status == DropCacheStatus::SUCCESS ? behind_them : status;
}

int drop_videos_with_any_memory(const py::iterable& filepaths, std::size_t workers) {
    auto status = DropCacheStatus::UNKNOWN_ERROR;  // if memory runs out
    detail::has_memory_for([&] { status = drop_videos(filepaths, workers); });
    return static_cast<int>(status);
}

}  // namespace

void bind_drop_videos_cache(py::module_& module) {
    module.def("drop_videos_cache", &drop_videos_with_any_memory, py::arg("filepaths"),
               py::arg("workers") = 0);
}

}  // namespace accv_cache::python
