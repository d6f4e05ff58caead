// SPDX-License-Identifier: Apache-2.0
// Tests: `prefetch`.
#include <doctest/doctest.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "accv_cache/drop.hpp"
#include "accv_cache/prefetch.hpp"
#include "accv_cache/query.hpp"
#include "support.hpp"

namespace {

using namespace accv_cache::test;
using accv_cache::prefetch;
using accv_cache::prefetch_options;
using accv_cache::prefetch_report;

/// A file that is written back, and not resident.
std::string write_cold(const std::string& path, std::int64_t bytes) {
    write_warm(path, bytes);
    need(::posix_fadvise(open_descriptor(path).get(), 0, 0, POSIX_FADV_DONTNEED) == 0, "evict");
    return path;
}

TEST_CASE("loads what is not resident, and nothing else") {
    const temporary_folder folder;
    const std::string clip = write_cold(folder / "clip", 5 * mebibyte + 7);
    REQUIRE(resident_bytes(clip) == 0);
    const std::int64_t all = 5 * mebibyte + page;
    const prefetch_report first = prefetch({clip});
    CHECK(first.ok());
    CHECK(kept_bytes(clip) == all);
    CHECK(first[0].before_bytes == 0);
    CHECK(first[0].loaded_bytes == all);
    CHECK(first[0].missing.total() == 0);
}

}  // namespace
