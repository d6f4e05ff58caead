// SPDX-License-Identifier: Apache-2.0
// Binds the enums of the core. A test compares them with those of the Python package.
#include <pybind11/native_enum.h>

#include "accv_cache/prefetch_report.hpp"
#include "accv_cache/report.hpp"
#include "accv_cache/residency.hpp"
#include "accv_cache/status.hpp"
#include "accv_cache/walk.hpp"
#include "bind.hpp"

namespace py = pybind11;

namespace accv_cache::python {

void bind_enums(const py::module_& module) {
    py::native_enum<DropCacheStatus>(module, "DropCacheStatus", "enum.Enum")
        .value("SUCCESS", DropCacheStatus::SUCCESS)
        .value("PLATFORM_ERROR", DropCacheStatus::PLATFORM_ERROR)
        .value("FILE_OPEN_FAILED", DropCacheStatus::FILE_OPEN_FAILED)
        .value("FADVISE_FAILED", DropCacheStatus::FADVISE_FAILED)
        .value("UNKNOWN_ERROR", DropCacheStatus::UNKNOWN_ERROR)
        .finalize();
    py::native_enum<failed_step>(module, "FailedStep", "enum.Enum")
        .value("NONE", failed_step::NONE)
        .value("NAME", failed_step::NAME)
        .value("OPEN", failed_step::OPEN)
        .value("STATUS", failed_step::STATUS)
        .value("ADVISE", failed_step::ADVISE)
        .value("WRITE_BACK", failed_step::WRITE_BACK)
        .value("MEASURE", failed_step::MEASURE)
        .value("READ", failed_step::READ)
        .finalize();
    py::native_enum<limit_source>(module, "LimitSource", "enum.Enum")
        .value("NONE", limit_source::NONE)
        .value("MAX_BYTES", limit_source::MAX_BYTES)
        .value("CGROUP", limit_source::CGROUP)
        .value("MACHINE", limit_source::MACHINE)
        .finalize();
    py::native_enum<residency_source>(module, "ResidencySource", "enum.Enum")
        .value("NONE", residency_source::NONE)
        .value("CACHESTAT", residency_source::CACHESTAT)
        .value("MINCORE", residency_source::MINCORE)
        .finalize();
    py::native_enum<skip_reason>(module, "SkipReason", "enum.Enum")
        .value("SYMBOLIC_LINK", skip_reason::SYMBOLIC_LINK)
        .value("SPECIAL_FILE", skip_reason::SPECIAL_FILE)
        .value("OTHER_FILE_SYSTEM", skip_reason::OTHER_FILE_SYSTEM)
        .finalize();
    py::native_enum<unknown_reason>(module, "UnknownReason", "enum.Enum")
        .value("NONE", unknown_reason::NONE)
        .value("NOT_PERMITTED", unknown_reason::NOT_PERMITTED)
        .value("NOT_READABLE", unknown_reason::NOT_READABLE)
        .value("NOT_SUPPORTED", unknown_reason::NOT_SUPPORTED)
        .value("NO_MAPPING", unknown_reason::NO_MAPPING)
        .finalize();
}

}  // namespace accv_cache::python
