// SPDX-License-Identifier: Apache-2.0
// `drop_until` evicts the least recently used files, and no more than it must.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "accv_cache/drop_until.hpp"
#include "support.hpp"

namespace {

using namespace accv_cache::test;
using accv_cache::drop_options;
using accv_cache::drop_report;
using accv_cache::drop_until;
using accv_cache::file_progress;

/// Files of a page that are dirty, so that they stay in memory until they are dropped. The second
/// is the least recently used, then the first, then the third.
struct used_files {
    used_files() {
        const time_t used[] = {2000, 1000, 3000};
        for (std::size_t i = 0; i != 3; ++i) {
            paths.push_back(folder / std::to_string(i));
            std::ofstream(paths[i]) << std::string(static_cast<std::size_t>(page), 'x');
            const timespec times[] = {{used[i], 0}, {0, UTIME_OMIT}};
            need(::utimensat(AT_FDCWD, paths[i].c_str(), times, 0) == 0, "set the access time");
        }
    }

    std::vector<bool> resident() const {
        std::vector<bool> are;
        for (const std::string& path : paths) are.push_back(resident_bytes(path) != 0);
        return are;
    }

    temporary_folder folder;
    std::vector<std::string> paths;
};

std::vector<std::string> order_of(const drop_report& report) {
    std::vector<std::string> found;
    for (const auto& file : report) found.push_back(std::filesystem::path(file.path).filename());
    return found;
}

TEST_CASE("the least recently used files go, and no more than must") {
    const used_files files;
    SUBCASE("they fit") {
        CHECK(drop_until(files.paths, 3 * page).empty());
        CHECK(files.resident() == std::vector<bool>{true, true, true});
    }
    SUBCASE("one must go") {
        CHECK(order_of(drop_until(files.paths, 3 * page - 1)) == std::vector<std::string>{"1"});
        CHECK(files.resident() == std::vector<bool>{true, false, true});
    }
    SUBCASE("two must go, of a directory") {
        const drop_report report = drop_until(files.folder.path(), page);
        CHECK(order_of(report) == std::vector<std::string>{"1", "0"});
        CHECK(files.resident() == std::vector<bool>{false, false, true});
    }
    SUBCASE("nothing may stay") {
        for (const std::int64_t most : {0, -1}) CHECK(drop_until(files.paths, most).ok());
        CHECK(files.resident() == std::vector<bool>{false, false, false});
    }
}

TEST_CASE("a file that cannot go is passed over, and the next goes for it") {
    const used_files files;
    drop_options keep_dirty;
    keep_dirty.sync = false;
    const drop_report report = drop_until(files.paths, 2 * page, keep_dirty);
    CHECK(order_of(report) == std::vector<std::string>{"1", "0", "2"});
    CHECK(report.totals().resident_bytes() == 3 * page);
}

TEST_CASE("several names of a file count once") {
    const used_files files;
    std::filesystem::create_hard_link(files.paths[1], files.folder / "3");
    const std::vector<std::string> list{files.folder / "3", files.paths[1], files.paths[0]};
    CHECK(order_of(drop_until(list, 2 * page)).empty());
    CHECK(order_of(drop_until(list, page)) == std::vector<std::string>{"3"});
}

TEST_CASE("a descriptor of a file that is deleted counts and goes") {
    const used_files files;
    const open_descriptor file(files.paths[1]);
    std::filesystem::remove(files.paths[1]);
    const drop_report report = drop_until({file.get(), files.paths[0].c_str()}, page);
    REQUIRE(report.size() == 1);
    CHECK(report[0].before_bytes == page);
    CHECK(report[0].after_bytes == 0);
}

TEST_CASE("what cannot be opened is reported, and ends the call with fail_fast") {
    const used_files files;
    std::vector<std::string> list = files.paths;
    list.insert(list.begin(), files.folder / "missing");
    drop_options options;
    SUBCASE("it goes on") {
        const drop_report report = drop_until(list, 0, options);
        CHECK(order_of(report) == std::vector<std::string>{"missing", "1", "0", "2"});
        CHECK(report.status() == accv_cache::DropCacheStatus::FILE_OPEN_FAILED);
    }
    SUBCASE("fail_fast") {
        options.fail_fast = true;
        CHECK(order_of(drop_until(list, 0, options)) == std::vector<std::string>{"missing"});
        CHECK(files.resident() == std::vector<bool>{true, true, true});
    }
}

TEST_CASE("the progress goes on from drop to drop, and may stop them") {
    const used_files files;
    file_progress last;
    drop_options options;
    options.progress = [&](const file_progress& now) {
        CHECK(now.bytes >= last.bytes);
        last = now;
        return true;
    };
    CHECK(drop_until(files.paths, page, options).size() == 2);
    CHECK(last.done_files == 2);
    CHECK(last.total_files == 2);
    CHECK(last.bytes == 2 * page);

    options.progress = [](const file_progress&) { return false; };
    const drop_report stopped = drop_until(files.paths, 0, options);
    CHECK(stopped.stopped());
    CHECK(stopped.empty());
    CHECK(files.resident() == std::vector<bool>{false, false, true});
}

}  // namespace
