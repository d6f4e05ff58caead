// SPDX-License-Identifier: Apache-2.0
// Tests: `drop`.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "accv_cache/drop.hpp"
#include "support.hpp"

namespace {

using namespace accv_cache::test;
using accv_cache::drop;
using accv_cache::drop_options;
using accv_cache::drop_record;
using accv_cache::drop_report;
using accv_cache::drop_totals;
using accv_cache::DropCacheStatus;
using accv_cache::failed_step;
using accv_cache::file_progress;
using accv_cache::skip_reason;
using accv_cache::unknown_reason;

/// What is true for every record with known bytes.
void check_sums(const drop_report& report) {
    for (const drop_record& each : report.records())
        if (each.after_bytes) CHECK(each.kept.total() == *each.after_bytes);
}

std::set<std::string> names(const drop_report& report) {
    std::set<std::string> found;
    for (std::size_t i = 0; i != report.size(); ++i)
        found.insert(std::filesystem::path(report.path(i)).filename());
    return found;
}

TEST_CASE("clean files are evicted and measured") {
    const temporary_folder folder;
    const std::string path = write_warm(folder / "clip", 5 * mebibyte + 1);
    const std::string empty = write_warm(folder / "empty", 0);
    const drop_report report = drop({path, empty, "/dev/null"});
    CHECK(resident_bytes(path) == 0);
    REQUIRE(report.size() == 3);
    CHECK(report.ok());
    CHECK_FALSE(report.stopped());
    CHECK(report.path(0) == path);
    CHECK(report[0].size_bytes == 5 * mebibyte + 1);
    CHECK(report[0].before_bytes == 5 * mebibyte + page);
    CHECK(report[0].after_bytes == 0);
    CHECK(report[1].before_bytes == 0);
    CHECK(report.totals().files == 3);
    CHECK(report.totals().known_evicted_bytes() == 5 * mebibyte + page);
    check_sums(report);
}

TEST_CASE("files just written are gone after one drop") {
    const temporary_folder folder;
    for (const std::size_t workers : {0U, 1U, 8U}) {
        const std::vector<std::string> files = write_many_dirty(folder, 100, mebibyte / 4);
        drop_options options;
        options.workers = workers;
        const drop_report report = drop(files, options);
        CHECK(report.ok());
        CHECK(report.totals().known_resident_bytes == 0);
        CHECK(report.totals().unknown_files == 0);
        std::int64_t left = 0;
        for (const std::string& each : files) left += resident_bytes(each);
        CHECK(left == 0);
    }
}

TEST_CASE("without sync nothing is awaited, and what stayed is told") {
    const temporary_folder folder;
    const std::string path = write_dirty(folder / "dirty", 8 * mebibyte);
    const std::string before = content(path);
    drop_options options;
    options.sync = false;
    const drop_report report = drop({path}, options);
    CHECK(report.ok());
    CHECK(report[0].before_bytes == 8 * mebibyte);
    check_sums(report);
    CHECK(content(path) == before);
}

TEST_CASE("a range evicts its whole pages and counts its edges") {
    const temporary_folder folder;
    const std::int64_t size = 4 * mebibyte;
    const std::string path = write_warm(folder / "clip", size, page);  // folios of one page
    drop_options options;
    options.offset = mebibyte + 100;
    options.length = mebibyte;
    const drop_report report = drop({path}, options);
    const std::int64_t stop = options.offset + *options.length;
    CHECK(report[0].status == DropCacheStatus::SUCCESS);
    CHECK(report[0].before_bytes == mebibyte + page);
    CHECK(report[0].after_bytes == 2 * page);
    CHECK(report[0].kept.edge == 2 * page);
    CHECK(resident_bytes(path, options.offset, stop) == 2 * page);
    CHECK(kept_bytes(path, 0, mebibyte) == mebibyte);
    CHECK(kept_bytes(path, stop, size) == size - 2 * mebibyte);
    check_sums(report);
}

TEST_CASE("what stays of a range in large folios is all edge") {
    const temporary_folder folder;
    const std::string path = write_warm(folder / "clip", 12 * mebibyte, 4 * mebibyte);
    for (const auto& [offset, length] :
         {std::pair{3 * mebibyte + 7, mebibyte}, {mebibyte, 8 * mebibyte}, {0, page + 1}}) {
        drop_options options;
        options.offset = offset;
        options.length = length;
        const drop_report report = drop({path}, options);
        CHECK(report[0].after_bytes == resident_bytes(path, offset, offset + length));
        CHECK(report[0].kept.edge == report[0].after_bytes);
        check_sums(report);
    }
    CHECK(kept_bytes(path, 10 * mebibyte) == 2 * mebibyte);
}

TEST_CASE("a range may reach beyond the end of the file") {
    const temporary_folder folder;
    const std::string path = folder / "clip";
    const std::int64_t longest = std::numeric_limits<std::int64_t>::max();
    for (const std::int64_t size : {3 * mebibyte, 100 * mebibyte})
        for (const auto& [offset, length] :
             {std::pair{page, longest}, {page, longest - page}, {std::int64_t{0}, longest}}) {
            CAPTURE(size);
            CAPTURE(offset);
            CAPTURE(length);
            write_dirty(path, size, page);
            drop_options options;
            options.offset = offset;
            options.length = length;
            const drop_report report = drop({path}, options);
            CHECK(report[0].status == DropCacheStatus::SUCCESS);
            CHECK(report[0].error == 0);
            CHECK(kept_bytes(path) == offset);
        }
    drop_options behind;
    behind.offset = longest;
    CHECK(drop({path}, behind)[0].before_bytes == 0);
}

TEST_CASE("a range that cannot be is refused for every file") {
    const temporary_folder folder;
    const std::string path = write_warm(folder / "clip", page);
    for (const auto& [offset, length] : {std::pair{0, 0}, {0, -1}, {-1, 10}}) {
        drop_options options;
        options.offset = offset;
        options.length = length;
        const drop_report report = drop({path, path}, options);
        for (const drop_record& each : report.records()) {
            CHECK(each.status == DropCacheStatus::FADVISE_FAILED);
            CHECK(each.error == EINVAL);
        }
    }
    CHECK(kept_bytes(path) == page);
}

TEST_CASE("a lent descriptor stays open, with its offset where it was") {
    const temporary_folder folder;
    const std::string path = write_dirty(folder / "clip", 3 * mebibyte);
    const open_descriptor file(path);
    ::lseek(file.get(), 12345, SEEK_SET);
    const auto descriptors = open_descriptors();
    const drop_report report = drop(file.get());
    CHECK(report.ok());
    CHECK(report.path(0) == path);
    CHECK(report[0].before_bytes == 3 * mebibyte);
    CHECK(::lseek(file.get(), 0, SEEK_CUR) == 12345);
    CHECK(open_descriptors() == descriptors);
    CHECK(resident_bytes(path) == 0);
}

TEST_CASE("a descriptor that is not one, or cannot be advised, is reported") {
    const temporary_folder folder;
    const std::string path = write_warm(folder / "clip", page);
    int closed = -1;
    {
        const open_descriptor file(path);
        closed = file.get();
    }
    CHECK(drop(closed)[0].error == EBADF);
    CHECK(drop(-1)[0].error == EBADF);
    CHECK(drop(open_descriptor(path, O_PATH).get())[0].error == EBADF);
    CHECK(drop(open_descriptor(path, O_WRONLY).get()).ok());
    int ends[2];
    need(::pipe(ends) == 0, "make a pipe");
    CHECK(drop(ends[0])[0].error == ESPIPE);
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_CASE("a bad file is reported and the rest go on") {
    const temporary_folder folder;
    const std::string first = write_warm(folder / "first", page);
    const std::string last = write_warm(folder / "last", page);
    const std::string hidden = folder.path() + std::string("\0hidden", 7);
    need(::mkfifo((folder / "fifo").c_str(), 0644) == 0, "make a FIFO");
    const drop_report report =
        drop({first, folder / "missing", hidden, std::string(), folder / "fifo", last});
    REQUIRE(report.size() == 6);
    CHECK(report.status() == DropCacheStatus::FILE_OPEN_FAILED);
    CHECK(report[1].error == ENOENT);
    CHECK(report[2].status == DropCacheStatus::UNKNOWN_ERROR);
    CHECK(report.path(2) == hidden);
    CHECK(report[3].status == DropCacheStatus::FILE_OPEN_FAILED);
    CHECK(report[4].status == DropCacheStatus::FADVISE_FAILED);
    CHECK(report[4].error == ESPIPE);
    CHECK(report[5].status == DropCacheStatus::SUCCESS);
    const failed_step steps[] = {failed_step::NONE, failed_step::OPEN,   failed_step::NAME,
                                 failed_step::OPEN, failed_step::ADVISE, failed_step::NONE};
    for (std::size_t i = 0; i != report.size(); ++i) CHECK(report[i].failed == steps[i]);
    CHECK(report.totals().failed_files == 4);
    CHECK_FALSE(report.totals().resident_bytes().has_value());
    CHECK(report.totals().known_resident_bytes == 0);
    CHECK(resident_bytes(first) == 0);
    CHECK(resident_bytes(last) == 0);
}

TEST_CASE("with fail_fast the report ends with the first that failed") {
    const temporary_folder folder;
    const std::vector<std::string> files = write_many(folder, 300);
    for (const std::size_t workers : {0U, 1U, 8U})
        for (const std::size_t bad : {0U, 5U, 232U, 299U}) {
            CAPTURE(workers);
            CAPTURE(bad);
            warm_again(files);
            std::vector<std::string> list = files;
            list[bad] = folder / "missing";
            drop_options options;
            options.fail_fast = true;
            options.workers = workers;
            const drop_report report = drop(list, options);
            REQUIRE(report.size() == bad + 1);
            CHECK(report.status() == DropCacheStatus::FILE_OPEN_FAILED);
            CHECK(report[bad].error == ENOENT);
            std::size_t wrong = 0;
            for (std::size_t i = 0; i != files.size(); ++i)
                if (i < bad ? resident_bytes(files[i]) != 0 : kept_bytes(files[i]) != page) ++wrong;
            CHECK(wrong == 0);
        }
}

TEST_CASE("a directory means the regular files below it, each inode once") {
    const temporary_folder folder;
    std::filesystem::create_directories(folder / "deep/deeper");
    const std::string clip = write_warm(folder / "a.mp4", page);
    const std::string deep = write_warm(folder / "deep/deeper/b.mp4", page);
    write_warm(folder / "deep/c.txt", page);
    std::filesystem::create_hard_link(clip, folder / "deep/same.mp4");
    std::filesystem::create_symlink(deep, folder / "link.mp4");
    std::filesystem::create_directory_symlink(folder / "deep", folder / "other");
    need(::mkfifo((folder / "fifo").c_str(), 0644) == 0, "make a FIFO");
    drop_options options;

    SUBCASE("all of it") {
        const drop_report report = drop({folder.path()}, options);
        CHECK(report.ok());
        CHECK(names(report) == std::set<std::string>{"a.mp4", "b.mp4", "c.txt"});
        CHECK(resident_bytes(deep) == 0);
        std::set<std::pair<std::string, skip_reason>> skipped;
        for (const auto& each : report.skipped()) skipped.emplace(each.path, each.reason);
        CHECK(skipped == std::set<std::pair<std::string, skip_reason>>{
                             {folder / "fifo", skip_reason::SPECIAL_FILE},
                             {folder / "link.mp4", skip_reason::SYMBOLIC_LINK},
                             {folder / "other", skip_reason::SYMBOLIC_LINK}});
    }
    SUBCASE("by name") {
        options.include = {"*.mp4"};
        CHECK(names(drop({folder.path()}, options)) == std::set<std::string>{"a.mp4", "b.mp4"});
    }
    SUBCASE("by path below it, or by another name") {
        options.include = {"deep/*/b*", "c.*"};
        CHECK(names(drop({folder.path() + '/'}, options)) ==
              std::set<std::string>{"b.mp4", "c.txt"});
    }
    SUBCASE("without what is excluded") {
        options.exclude = {"*.txt", "deep/deeper"};
        const drop_report report = drop({folder.path()}, options);
        CHECK(names(report) == std::set<std::string>{"a.mp4"});
        CHECK(kept_bytes(deep) == page);
        CHECK(report.skipped().size() == 3);
    }
    SUBCASE("without any name of it that is excluded, whatever kind it has") {
        options.exclude = {"deep", "fifo", "*link*", "other"};
        const drop_report report = drop({folder.path()}, options);
        CHECK(names(report) == std::set<std::string>{"a.mp4"});
        CHECK(report.skipped().empty());
    }
    SUBCASE("a file by the name that is not excluded") {
        options.exclude = {"a.*"};
        CHECK(names(drop({folder.path()}, options)) ==
              std::set<std::string>{"b.mp4", "c.txt", "same.mp4"});
    }
    SUBCASE("what is no larger than asked for") {
        const std::string large = write_warm(folder / "deep/large.mp4", page + 1);
        options.max_size_bytes = page;
        CHECK(names(drop({folder.path()}, options)) ==
              std::set<std::string>{"a.mp4", "b.mp4", "c.txt"});
        CHECK(kept_bytes(large) == 2 * page);
        options.max_size_bytes = 0;
        CHECK(drop({folder.path()}, options).size() == 0);
    }
    SUBCASE("a name that is given, whatever is excluded") {
        options.exclude = {"*"};
        options.max_size_bytes = 0;
        CHECK(names(drop({clip}, options)) == std::set<std::string>{"a.mp4"});
    }
    SUBCASE("itself only") {
        options.recursive = false;
        CHECK(names(drop({folder.path()}, options)) == std::set<std::string>{"a.mp4"});
        CHECK(kept_bytes(deep) == page);
    }
    SUBCASE("through links, which lead to files that are known already") {
        options.follow_symlinks = true;
        const drop_report report = drop({folder.path()}, options);
        CHECK(report.size() == 3);
        CHECK(report.skipped().size() == 1);
    }
    SUBCASE("a link in a circle") {
        std::filesystem::create_directory_symlink(folder.path(), folder / "deep/up");
        options.follow_symlinks = true;
        CHECK(drop({folder.path()}, options).size() == 3);
    }
    SUBCASE("a link that is named is followed") {
        CHECK(names(drop({folder / "other"}, options)) ==
              std::set<std::string>{"b.mp4", "c.txt", "same.mp4"});
    }
}

TEST_CASE("a file that was not measured is no proof of a cold one") {
    const temporary_folder folder;
    std::filesystem::permissions(folder.path(), std::filesystem::perms{0755});
    const std::string clip = write_warm(folder / "clip", page);
    CHECK(drop({clip}).totals().resident_bytes() == 0);
    CHECK_FALSE(drop({clip, "/missing"}).totals().resident_bytes().has_value());
    CHECK(in_child([&] {
              become_stranger();
              const drop_report report = drop({clip});
              const drop_totals sums = report.totals();
              return report.ok() && report[0].unknown == unknown_reason::NOT_PERMITTED &&
                             !sums.resident_bytes() && !sums.evicted_bytes() && !sums.before_bytes()
                         ? 0
                         : 1;
          }) == 0);
}

TEST_CASE("a file that a stopped drop did not reach is neither a success nor a failure") {
    const temporary_folder folder;
    const std::vector<std::string> list(100'000, write_warm(folder / "clip", page));
    drop_options options;
    options.progress = [](const file_progress&) { return false; };
    const drop_report report = drop(list, options);
    const drop_totals sums = report.totals();
    CHECK(report.stopped());
    CHECK_FALSE(report.ok());
    CHECK_FALSE(report[report.size() - 1].status.has_value());
    CHECK(sums.untouched_files != 0);
    CHECK(sums.failed_files == 0);
    CHECK_FALSE(sums.resident_bytes().has_value());
}

TEST_CASE("a name with a NUL inside is no directory") {
    const temporary_folder folder;
    const std::string clip = write_warm(folder / "clip", page);
    for (const bool fail_fast : {false, true}) {
        drop_options options;
        options.fail_fast = fail_fast;
        const drop_report report = drop({folder.path() + std::string("\0x", 2)}, options);
        REQUIRE(report.size() == 1);
        CHECK(report.status() == DropCacheStatus::UNKNOWN_ERROR);
        CHECK(kept_bytes(clip) == page);
    }
}

TEST_CASE("a directory that cannot be listed is reported") {
    const temporary_folder folder;
    std::filesystem::permissions(folder.path(), std::filesystem::perms{0755});
    std::filesystem::create_directory(folder / "secret");
    std::filesystem::permissions(folder / "secret", std::filesystem::perms::none);
    write_warm(folder / "clip", page);
    CHECK(in_child([&] {
              become_stranger();
              const drop_report report = drop({folder.path()});
              return report.size() == 2 && report.path(1) == folder / "secret" &&
                             report[1].error == EACCES &&
                             report[1].status == DropCacheStatus::FILE_OPEN_FAILED
                         ? 0
                         : 1;
          }) == 0);
    std::filesystem::permissions(folder / "secret", std::filesystem::perms::owner_all);
}

TEST_CASE("progress that says stop ends it before anything is touched") {
    const temporary_folder folder;
    const std::string clip = write_warm(folder / "clip", page);
    drop_options options;
    options.progress = [](const file_progress&) { return false; };
    const drop_report report = drop({clip, folder.path()}, options);
    CHECK(report.stopped());
    CHECK(report.size() == 2);
    CHECK(kept_bytes(clip) == page);
}

TEST_CASE("what progress throws comes through, and nothing more is touched") {
    const temporary_folder folder;
    const std::string clip = write_warm(folder / "clip", page);
    drop_options options;
    options.progress = [](const file_progress&) -> bool { throw std::runtime_error("stop"); };
    CHECK_THROWS_AS(drop({clip, folder.path()}, options), std::runtime_error);
    CHECK(kept_bytes(clip) == page);
}

TEST_CASE("progress that says stop ends a long list") {
    const temporary_folder folder;
    const std::vector<std::string> list(50'000, write_warm(folder / "clip", page));
    for (const std::size_t workers : {0U, 1U, 8U})
        for (const bool fail_fast : {false, true}) {
            drop_options options;
            options.workers = workers;
            options.fail_fast = fail_fast;
            int calls = 0;
            options.progress = [&](const file_progress& now) {
                CHECK(now.done_files <= now.total_files);
                CHECK(on_main_thread());
                return ++calls, false;
            };
            const auto descriptors = open_descriptors();
            CHECK(drop(list, options).stopped());
            CHECK(calls == 1);
            CHECK(open_descriptors() == descriptors);
        }
}

TEST_CASE("the last progress says that all is done") {
    const temporary_folder folder;
    const std::vector<std::string> files = write_many_dirty(folder, 200);
    file_progress last;
    drop_options options;
    options.progress = [&](const file_progress& now) { return last = now, true; };
    const drop_report report = drop(files, options);
    CHECK(last.done_files == files.size());
    CHECK(last.total_files == files.size());
    CHECK(last.bytes == report.totals().known_evicted_bytes());
    CHECK(last.bytes == 200 * page);
}

TEST_CASE("pages that a process has mapped stay, and the reason is told") {
    const temporary_folder folder;
    const std::string path = write_warm(folder / "clip", mebibyte);
    const mapped_file mapping(path);
    mapping.touch();
    const drop_report report = drop({path});
    CHECK(report.ok());
    CHECK(report[0].kept.mapped == mebibyte);
    CHECK(report[0].after_bytes == mebibyte);
    CHECK(resident_bytes(path) == mebibyte);
    check_sums(report);
}

TEST_CASE("a mapping that was never touched holds nothing") {
    const temporary_folder folder;
    const std::string path = write_warm(folder / "clip", mebibyte);
    const mapped_file mapping(path);
    CHECK(drop({path})[0].after_bytes == 0);
}

TEST_CASE("on tmpfs nothing leaves, and the reason is told") {
    const temporary_folder folder("/dev/shm");
    const std::string path = write_dirty(folder / "clip", mebibyte);
    const drop_report report = drop({path});
    CHECK(report.ok());
    CHECK(report[0].kept.memory_filesystem == mebibyte);
    CHECK(resident_bytes(path) == mebibyte);
    check_sums(report);
}

TEST_CASE("who may not measure may still evict") {
    const temporary_folder folder;
    const std::string path = write_warm(folder / "clip", mebibyte);
    std::filesystem::permissions(folder.path(), std::filesystem::perms{0755});
    std::filesystem::permissions(path, std::filesystem::perms{0444});
    const int known = in_child([&] {
        become_stranger();
        const drop_report report = drop({path});
        return !report.ok() ? 2 : report[0].before_bytes || report[0].after_bytes ? 1 : 0;
    });
    // Without root's rights to give up, the child still owns the file.
    CHECK(known == (::geteuid() == 0 ? 0 : 1));
    CHECK(resident_bytes(path) == 0);
}

TEST_CASE("few descriptors never turn a good list into a failure") {
    const temporary_folder folder;
    for (const int free : {1, 3})
        for (const bool fail_fast : {false, true}) {
            const std::vector<std::string> files = write_many_dirty(folder, 200);
            drop_options options;
            options.fail_fast = fail_fast;
            drop_report report;
            {
                const few_descriptors_left limit(free);
                report = drop(files, options);
            }
            CHECK(report.ok());
            std::int64_t left = 0;
            for (const std::string& each : files) left += resident_bytes(each);
            CHECK(left == 0);
        }
}

TEST_CASE("the same file twice, and no file at all") {
    const temporary_folder folder;
    const std::string path = write_warm(folder / "clip", mebibyte);
    const drop_report report = drop({path, path});
    CHECK(report.ok());
    CHECK(report.totals().known_evicted_bytes() == mebibyte);
    const drop_report none = drop(std::vector<std::string>{});
    CHECK(none.ok());
    CHECK(none.empty());
}

TEST_CASE("reports can be added") {
    const temporary_folder folder;
    const std::string one = write_warm(folder / "one", page);
    const std::string two = write_warm(folder / "two", 2 * page);
    const drop_report sum = drop({one, folder / "missing"}) + drop({two});
    REQUIRE(sum.size() == 3);
    CHECK(sum.path(0) == one);
    CHECK(sum.path(2) == two);
    CHECK(sum[2].before_bytes == 2 * page);
    CHECK(sum.status() == DropCacheStatus::FILE_OPEN_FAILED);
    CHECK(sum.totals().known_evicted_bytes() == 3 * page);
}

TEST_CASE("a report that ended early can be added to") {
    const temporary_folder folder;
    const std::string one = write_warm(folder / "one", page);
    const std::string two = write_warm(folder / "two", page);
    drop_options options;
    options.fail_fast = true;
    const drop_report sum = drop({folder / "missing", one}, options) + drop({two});
    REQUIRE(sum.size() == 2);
    CHECK(sum.path(0) == folder / "missing");
    CHECK(sum.path(1) == two);
}

}  // namespace
