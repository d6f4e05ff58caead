// SPDX-License-Identifier: Apache-2.0
// Tests: `query`.
#include <doctest/doctest.h>
#include <fcntl.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "accv_cache/query.hpp"
#include "support.hpp"

namespace {

using namespace accv_cache::test;
using accv_cache::cache_report;
using accv_cache::failed_step;
using accv_cache::file_progress;
using accv_cache::query;
using accv_cache::query_options;
using accv_cache::residency_source;
using accv_cache::unknown_reason;

TEST_CASE("progress that says stop ends a long list") {
    const temporary_folder folder;
    const std::vector<std::string> list(100'000, write_warm(folder / "clip", page));
    for (const std::size_t workers : {0U, 1U, 8U}) {
        query_options options;
        options.workers = workers;
        int calls = 0;
        options.progress = [&](const file_progress& now) {
            CHECK(now.done_files < now.total_files);
            CHECK(on_main_thread());
            return ++calls, false;
        };
        const auto descriptors = open_descriptors();
        const cache_report report = query(list, options);
        CHECK(report.stopped());
        CHECK((report + cache_report()).stopped());
        CHECK(calls == 1);
        CHECK_FALSE(report.ok());
        CHECK(report[report.size() - 1].untouched);
        CHECK(report.totals().untouched_files != 0);
        CHECK_FALSE(report.totals().resident_bytes().has_value());
        CHECK(open_descriptors() == descriptors);
    }
}

TEST_CASE("the last progress says that all is done") {
    const temporary_folder folder;
    write_many_dirty(folder, 200);
    file_progress last;
    query_options options;
    options.progress = [&](const file_progress& now) { return last = now, true; };
    const cache_report report = query({folder.path(), "/missing"}, options);
    CHECK_FALSE(report.stopped());
    CHECK(last.done_files == 201);
    CHECK(last.total_files == 201);
    CHECK(last.bytes == report.totals().known_resident_bytes);
    CHECK(last.bytes == 200 * page);
}

TEST_CASE("a report can be added to itself") {
    const temporary_folder folder;
    std::filesystem::create_symlink("nowhere", folder / "link");
    cache_report report = query({"/missing", folder.path()});
    REQUIRE(report.skipped().size() == 1);
    for (std::size_t files = report.size(); files < 100; files *= 2) {
        report += report;
        REQUIRE(report.size() == 2 * files);
        CHECK(report.skipped().size() == report.size());
    }
    for (std::size_t i = 0; i != report.size(); ++i) {
        CHECK(report.path(i) == "/missing");
        CHECK(report[i].error == ENOENT);
        CHECK(report.skipped()[i].path == folder / "link");
    }
}

TEST_CASE("a sum is known only if every file was measured") {
    const temporary_folder folder;
    std::filesystem::permissions(folder.path(), std::filesystem::perms{0755});
    const std::string clip = write_dirty(folder / "clip", page);
    CHECK(query({clip}).totals().resident_bytes() == page);
    CHECK(query({clip}).totals().dirty_bytes().has_value());
    const cache_report failed = query({clip, "/missing", std::string("a\0b", 3)});
    CHECK(failed[1].failed == failed_step::OPEN);
    CHECK(failed[2].failed == failed_step::NAME);
    CHECK_FALSE(failed.ok());
    CHECK_FALSE(failed.totals().resident_bytes().has_value());
    CHECK_FALSE(failed.totals().dirty_bytes().has_value());
    CHECK(failed.totals().known_resident_bytes == page);
    CHECK(in_child([&] {
              become_stranger();
              const cache_report unknown = query({clip});
              return unknown.ok() && unknown[0].unknown == unknown_reason::NOT_PERMITTED &&
                             !unknown.totals().resident_bytes()
                         ? 0
                         : 1;
          }) == 0);
}

TEST_CASE("what was advised away does not count as taken back by the kernel") {
    const temporary_folder folder;
    const std::string clip = write_warm(folder / "clip", page);
    need(::posix_fadvise(open_descriptor(clip).get(), 0, 0, POSIX_FADV_DONTNEED) == 0, "evict");
    const cache_report report = query({clip});
    if (report[0].source != residency_source::CACHESTAT) return;
    CHECK(report[0].evicted_bytes == 0);
    CHECK(report[0].recently_evicted_bytes == 0);
    CHECK(report.totals().evicted_bytes() == 0);
}

TEST_CASE("a descriptor that is not one, or only names a file, is reported") {
    const temporary_folder folder;
    const std::string path = write_warm(folder / "clip", page);
    CHECK(query(-1)[0].error == EBADF);
    const cache_report named = query(open_descriptor(path, O_PATH).get());
    CHECK(named[0].error == EBADF);
    CHECK(named.totals().unknown_files == 0);
    CHECK(query(open_descriptor(path, O_WRONLY).get())[0].resident_bytes == page);
}

TEST_CASE("a record tells what was measured of the file") {
    const temporary_folder folder;
    const std::string path = write_warm(folder / "clip", 3 * page + 5);
    query_options options;
    const auto measured = [&] {
        const cache_report report = query({path}, options);
        return std::pair(report[0].measured_start, report[0].measured_stop);
    };
    CHECK(measured() == std::pair<std::int64_t, std::int64_t>(0, 3 * page + 5));
    options.offset = 7;
    options.length = page;
    CHECK(measured() == std::pair<std::int64_t, std::int64_t>(7, page + 7));
    options.length = 9 * page;
    CHECK(measured() == std::pair<std::int64_t, std::int64_t>(7, 3 * page + 5));
    options.offset = 4 * page;
    CHECK(measured() == std::pair<std::int64_t, std::int64_t>(3 * page + 5, 3 * page + 5));
}

}  // namespace
