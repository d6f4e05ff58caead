// SPDX-License-Identifier: Apache-2.0
// What a report says: its files one by one, in words, and who holds what stayed.
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

#include "accv_cache/drop.hpp"
#include "accv_cache/explain.hpp"
#include "accv_cache/query.hpp"
#include "support.hpp"

namespace {

using namespace accv_cache::test;
using accv_cache::drop;
using accv_cache::drop_options;
using accv_cache::drop_report;
using accv_cache::explain;
using accv_cache::query;

std::string cause_of(int error) { return std::generic_category().message(error); }

constexpr std::int64_t huge = std::int64_t{1} << 62;

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST_CASE("a loop over a report gives each file's path and record, in order") {
    const temporary_folder folder;
    const std::vector<std::string> paths = {write_warm(folder / "clip.mp4", page),
                                            folder / "missing"};
    const drop_report dropped = drop(paths);
    std::size_t position = 0;
    for (const auto& [path, record] : dropped) {
        CHECK(path == paths[position]);
        CHECK(&record == &dropped[position++]);
    }
    CHECK(position == 2);
    for (const auto& file : query(paths)) CHECK(file.path == paths[position++ - 2]);
    CHECK(position == 4);
    for (const auto& file : drop_report()) FAIL(file.path);
}

TEST_CASE("sums end at the largest number") {
    const sparse_file files[] = {sparse_file(huge), sparse_file(huge), sparse_file(huge)};
    const auto report = query({files[0].path(), files[1].path(), files[2].path()});
    CHECK(report.ok());
    CHECK(report.totals().size_bytes == INT64_MAX);
    CHECK((report + report).totals().size_bytes == INT64_MAX);
    CHECK(query(files[0].path()).totals().size_bytes == huge);
}

TEST_CASE("a message names the step, the cause and what helps") {
    const temporary_folder folder;
    const std::string clip = write_warm(folder / "clip.mp4", page);
    const drop_report report =
        drop({clip, std::string(folder / "missing"), std::string("a\0b", 3)});
    std::vector<std::string> messages;
    for (const auto& file : report) messages.push_back(file.message());
    CHECK(messages[0].empty());
    CHECK(messages[1] == "cannot open: " + cause_of(ENOENT));
    CHECK(messages[2] == "cannot be a path: " + cause_of(EINVAL));
    CHECK((*drop(-1).begin()).message() ==
          "cannot ask for its status: " + cause_of(EBADF) +
              " (pass a descriptor that is open, and not by O_PATH)");
}

TEST_CASE("a message says that a file was not touched, or why its residency is unknown") {
    const temporary_folder folder;
    const std::string clip = write_warm(folder / "clip.mp4", page);
    drop_options stopped;
    stopped.progress = [](const accv_cache::file_progress&) { return false; };
    const drop_report report = drop(clip, stopped);
    CHECK((*report.begin()).message() == "not touched: the call was stopped before");

    accv_cache::cache_record unknown;
    unknown.untouched = false;
    unknown.unknown = accv_cache::unknown_reason::NOT_PERMITTED;
    const accv_cache::file_entry<accv_cache::cache_record> file{clip, unknown};
    CHECK(file.message() == "only its owner or a writer may measure it");
}

TEST_CASE("an explanation names what failed, what stayed, why, and the process that holds it") {
    const temporary_folder folder;
    const std::string clip = write_warm(folder / "clip\n.mp4", page);
    const open_descriptor file(clip);
    void* const mapping =
        ::mmap(nullptr, static_cast<std::size_t>(page), PROT_READ, MAP_SHARED, file.get(), 0);
    need(mapping != MAP_FAILED, "map");
    (void)*static_cast<volatile const char*>(mapping);  // maps the page
    const std::string said = explain(drop({clip, folder / "missing"}));
    ::munmap(mapping, static_cast<std::size_t>(page));

    CHECK(has(said, "clip\\x0a.mp4: " + std::to_string(page / 1024) + ".0 KiB stayed: mapped\n"));
    CHECK(has(said, "missing: cannot open: " + cause_of(ENOENT) + '\n'));
    CHECK(has(said, "clip\\x0a.mp4: process " + std::to_string(::getpid()) + " ("));
    CHECK(has(said, " mapped and has it open\n"));
}

TEST_CASE("an explanation of what was evicted wholly says so") {
    const temporary_folder folder;
    CHECK(explain(drop(write_warm(folder / "clip.mp4", page))) == "nothing stayed\n");
    CHECK(explain(drop_report()) == "nothing stayed\n");
}

TEST_CASE("sizes have the unit in which they are short") {
    using accv_cache::detail::size_text;
    CHECK(size_text(0) == "0 B");
    CHECK(size_text(4096) == "4.0 KiB");
    CHECK(size_text(5 * mebibyte / 2) == "2.5 MiB");
    CHECK(size_text(3000 * mebibyte * mebibyte) == "3000.0 TiB");
}

}  // namespace
