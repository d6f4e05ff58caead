// SPDX-License-Identifier: Apache-2.0
// Tests: What is told of files and lists where a call fails, or while a file grows.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accv_cache/accv_cache.hpp"
#include "faults/hook.hpp"
#include "support.hpp"

namespace {

using namespace accv_cache::test;
using accv_cache::cache_record;
using accv_cache::cache_report;
using accv_cache::residency_source;
using accv_cache::unknown_reason;

/// What is told of one file while the hook is in place.
cache_report look_at(const std::string& path, std::function<int(std::string_view)> fail) {
    const hooked_calls hooked([&](const call_site& site) { return fail(site.name); });
    accv_cache::query_options options;
    options.spans = true;
    options.workers = 1;
    return accv_cache::query({path}, options);
}

/// A file of more than two windows of mincore(2), with a page in the second.
std::string write_sparse(const temporary_folder& folder) {
    const std::string path = folder / "sparse";
    const open_descriptor file(path, O_WRONLY | O_CREAT);
    need(::ftruncate(file.get(), 300 * mebibyte) == 0, "make a file");
    need(::pwrite(file.get(), "x", 1, 200 * mebibyte) == 1, "write");
    return path;
}

TEST_CASE("where the kind of file system is unknown, cachestat is asked, and not believed a 0") {
    const temporary_folder folder;
    const std::string path = write_warm(folder / "clip", 4 * page);
    const auto without_kind = [](std::string_view call) { return call == "fstatfs" ? EACCES : 0; };
    CHECK(look_at(path, without_kind)[0].resident_bytes == 4 * page);
    need(::posix_fadvise(open_descriptor(path).get(), 0, 0, POSIX_FADV_DONTNEED) == 0, "evict");
    const cache_record cold = look_at(path, without_kind)[0];
    CHECK(cold.source == residency_source::MINCORE);
    CHECK(cold.resident_bytes == 0);
}

TEST_CASE("a file of which one part cannot be mapped is unknown, not partly counted") {
    const temporary_folder folder;
    const std::string path = write_sparse(folder);
    for (int failing = 1; failing <= 4; ++failing) {  // the first is one page behind the end
        CAPTURE(failing);
        int mapped = 0;
        const cache_report told = look_at(path, [&](std::string_view call) {
            if (call == "cachestat") return ENOSYS;
            return call == "mmap" && ++mapped == failing ? ENOMEM : 0;
        });
        REQUIRE(mapped == failing);
        CHECK(told[0].error == 0);
        CHECK(told[0].unknown == unknown_reason::NO_MAPPING);
        CHECK_FALSE(told[0].resident_bytes.has_value());
        CHECK_FALSE(told.spans(0).has_value());
        CHECK_FALSE(told.totals().resident_bytes().has_value());
    }
}

TEST_CASE("where cachestat tells, spans need no mapping") {
    const temporary_folder folder;
    const std::string path = write_sparse(folder);
    const cache_report told =
        look_at(path, [](std::string_view call) { return call == "mmap" ? ENOMEM : 0; });
    if (told[0].source != residency_source::CACHESTAT) return;  // Linux before 6.5
    REQUIRE(told.spans(0).has_value());
    REQUIRE(told.spans(0)->size() == 1);
    CHECK(told.spans(0)->front().start == 200 * mebibyte);
    CHECK(told.spans(0)->front().stop == 200 * mebibyte + page);
}

TEST_CASE("a file that grows is measured at one size, before or after") {
    const temporary_folder folder;
    for (const std::string_view grows_before : {"cachestat", "fstatfs", "mmap", "mincore"})
        for (const bool has_cachestat : {true, false}) {
            CAPTURE(grows_before);
            CAPTURE(has_cachestat);
            const std::string path = write_dirty(folder / "clip", 3 * page + 5);
            bool grown = false;
            const cache_report told = look_at(path, [&](std::string_view call) {
                if (call == grows_before && !std::exchange(grown, true)) {
                    const open_descriptor file(path, O_WRONLY | O_APPEND);
                    const std::vector<char> more(static_cast<std::size_t>(5 * page), 'x');
                    need(::write(file.get(), more.data(), more.size()) == 5 * page, "write");
                }
                return call == "cachestat" && !has_cachestat ? ENOSYS : 0;
            });
            if (has_cachestat && grows_before != "cachestat") continue;  // it has no such call
            CHECK(grown);
            const std::int64_t size = told[0].size_bytes;
            CHECK((size == 3 * page + 5 || size == 8 * page + 5));
            CHECK(told[0].measured_stop == size);
            CHECK(told[0].resident_bytes == size / page * page + page);
            REQUIRE(told.spans(0).has_value());
            REQUIRE(told.spans(0)->size() == 1);
            CHECK(told.spans(0)->front().start == 0);
            CHECK(told.spans(0)->front().stop == size);
        }
}

TEST_CASE("a list of files needs no table of mounts") {
    const temporary_folder folder;
    const std::vector<std::string> clips = write_many_dirty(folder, 3);
    int tables = 0;
    const hooked_calls hooked([&](const call_site& site) {
        const std::string_view path = site.about.name == nullptr ? "" : site.about.name;
        if (path.find("mount") != std::string_view::npos && path.substr(0, 5) == "/proc") ++tables;
        return 0;
    });
    // Who starts threads looks up the limit of its cgroup, in that table.
    accv_cache::query_options query;
    accv_cache::drop_options drop;
    query.workers = drop.workers = 1;
    CHECK(accv_cache::query(clips, query).ok());
    CHECK(accv_cache::drop(clips, drop).ok());
    CHECK(tables == 0);
}

TEST_CASE("where statx is refused, a directory among files is met in time") {
    const temporary_folder folder;
    const std::string behind = write_dirty(folder / "behind", page, page);
    const temporary_folder below;
    const std::string bad = write_dirty(below / "bad", page, page);
    for (const int error : {EPERM, ENOSYS}) {
        const hooked_calls hooked([&](const call_site& site) {
            if (std::string_view(site.name) == "statx") return error;
            const bool opens = std::string_view(site.name).substr(0, 4) == "open";
            return opens && path_of(site.about) == bad ? EIO : 0;
        });
        accv_cache::drop_options options;
        options.fail_fast = true;
        const accv_cache::drop_report report = accv_cache::drop({below.path(), behind}, options);
        CHECK(report.size() == 1);
        CHECK(report.path(0) == bad);
        CHECK(report[0].error == EIO);
        CHECK(kept_bytes(behind) == page);
    }
}

}  // namespace
