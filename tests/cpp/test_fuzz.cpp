// SPDX-License-Identifier: Apache-2.0
// Random paths, options, lists and texts: the same in every run, or for longer others each time,
// with ACCV_CACHE_FUZZ_RUNS.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "accv_cache/accv_cache.hpp"
#include "support.hpp"

namespace fuzz {

using namespace accv_cache::test;
using accv_cache::DropCacheStatus;
namespace fs = std::filesystem;

/// Makes up values from a seed.
class choices {
public:
    explicit choices(unsigned seed) : random_(seed) {}

    std::size_t below(std::size_t limit) { return random_() % limit; }
    bool flag() { return below(2) == 0; }

    /// Any bytes, NUL among them.
    std::string text(std::size_t most = 40) {
        std::string made(below(most), '\0');
        for (char& each : made) each = static_cast<char>(below(256));
        return made;
    }

    /// A number near one of those where something changes.
    std::int64_t number() {
        constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
        const std::int64_t near[] = {
            0,           page,    3 * page, mebibyte, std::int64_t{1} << 31, std::int64_t{1} << 62,
            most - page, most - 3};
        return near[below(std::size(near))] - 2 + static_cast<std::int64_t>(below(5));
    }
    std::optional<std::int64_t> maybe_number() {
        return flag() ? std::optional(number()) : std::nullopt;
    }

private:
    std::mt19937 random_;
};

/// Files, and what else a path may lead to.
class tree {
public:
    tree() {
        fs::create_directories(folder_ / "folder/below");
        for (const char* const each : {"a", "b", "folder/c", "folder/below/d"})
            files_.push_back(write_warm(folder_ / each, 3 * page));
        fs::create_symlink("loop", folder_ / "loop");
        fs::create_symlink("nowhere", folder_ / "dangling");
        fs::create_directory_symlink("..", folder_ / "folder/up");
        need(::mkfifo((folder_ / "fifo").c_str(), 0600) == 0, "make a FIFO");
        text_ = content(files_[0]);
    }

    /// A path below the folder, so that nothing else is touched.
    std::string path(choices& chosen) const {
        static const char* const names[] = {"a",    "b",        "folder/c",     "folder/below/d",
                                            "",     "folder",   "folder/below", "fifo",
                                            "loop", "dangling", "a/b"};
        if (chosen.below(4) != 0) return folder_ / names[chosen.below(std::size(names))];
        const std::string name = chosen.text();
        return folder_ / (name.find("..") == std::string::npos ? name : "missing");
    }

    void check_intact() const {
        for (const std::string& each : files_) CHECK(content(each) == text_);
    }

private:
    temporary_folder folder_;
    std::vector<std::string> files_;
    std::string text_;
};

std::vector<std::string> patterns(choices& chosen) {
    std::vector<std::string> made(chosen.below(3));
    for (std::string& each : made) each = chosen.text(12);
    return made;
}

void choose(choices& chosen, accv_cache::file_options& options) {
    if (chosen.flag()) options.offset = chosen.number();
    options.length = chosen.maybe_number();
    options.workers = chosen.below(4);
    options.recursive = chosen.flag();
    options.follow_symlinks = chosen.flag();
    if (chosen.flag()) options.include = patterns(chosen);
    if (chosen.flag()) options.exclude = patterns(chosen);
    options.max_size_bytes = chosen.maybe_number();
}

template <class Report>
void check_records(const Report& report) {
    for (std::size_t i = 0; i != report.size(); ++i)
        CHECK((report[i].error == 0) == (report[i].failed == accv_cache::failed_step::NONE));
}

void drop_them(choices& chosen, const accv_cache::targets& files) {
    accv_cache::drop_options options;
    choose(chosen, options);
    options.sync = chosen.flag();
    options.fail_fast = chosen.flag();
    const accv_cache::drop_report report = accv_cache::drop(files, options);
    check_records(report);
    for (std::size_t i = 0; i != report.size(); ++i) {
        if (!report[i].after_bytes) continue;
        CHECK(*report[i].after_bytes >= 0);
        CHECK(report[i].kept.total() == *report[i].after_bytes);
    }
}

void query_them(choices& chosen, const accv_cache::targets& files) {
    accv_cache::query_options options;
    choose(chosen, options);
    options.spans = chosen.flag();
    const accv_cache::cache_report report = accv_cache::query(files, options);
    check_records(report);
    for (std::size_t i = 0; i != report.size(); ++i)
        CHECK(report[i].resident_bytes.value_or(0) >= 0);
}

void prefetch_them(choices& chosen, const accv_cache::targets& files) {
    accv_cache::prefetch_options options;
    choose(chosen, options);
    options.max_bytes = chosen.maybe_number();
    options.on_limit =
        chosen.flag() ? accv_cache::limit_action::STOP : accv_cache::limit_action::REFUSE;
    options.wait = chosen.flag();
    check_records(accv_cache::prefetch(files, options));
}

/// The readers of /proc, for any text.
void read_text(choices& chosen) {
    using namespace accv_cache::detail;
    const std::string text = chosen.text(200), name = chosen.text(12);
    for_each_line(text, [](std::string_view line) {
        const std::string whole(line);  // as in a file, a NUL ends the last line
        mapping{whole};
        mount_line::of(line);
    });
    named_number(text, name);
    leading_number(text);
    is_listed(text, name);
    if (const auto route = route_to(text, name)) CHECK(route->rest.size() <= text.size());
    matches(name.c_str(), text.c_str());
}

void call_once(const tree& on, choices& chosen) {
    std::vector<std::string> paths;
    for (std::size_t count = chosen.below(9); count != 0; --count) paths.push_back(on.path(chosen));
    accv_cache::targets files(paths);
    if (chosen.below(8) == 0) files.append(static_cast<int>(chosen.number()));
    switch (chosen.below(5)) {
        case 0:
            return drop_them(chosen, files);
        case 1:
            return query_them(chosen, files);
        case 2:
            return prefetch_them(chosen, files);
        case 3:
            CHECK(accv_cache::drop_videos_cache(paths) != DropCacheStatus::PLATFORM_ERROR);
            return;
        default:
            return read_text(chosen);
    }
}

TEST_CASE("calls with random paths, options and lists") {
    const tree on;
    const char* const wanted = std::getenv("ACCV_CACHE_FUZZ_RUNS");
    const unsigned long runs = wanted != nullptr ? std::strtoul(wanted, nullptr, 10) : 3000;
    const unsigned first = wanted != nullptr ? std::random_device()() : 1;
    std::printf("%lu runs from seed %u\n", runs, first);
    std::fflush(stdout);  // for a process that ends here
    const std::ptrdiff_t descriptors = open_descriptors();
    for (unsigned long run = 0; run != runs; ++run) {
        const unsigned seed = first + static_cast<unsigned>(run);
        CAPTURE(seed);
        choices chosen(seed);
        call_once(on, chosen);
        CHECK(open_descriptors() == descriptors);
        on.check_intact();
    }
}

}  // namespace fuzz
