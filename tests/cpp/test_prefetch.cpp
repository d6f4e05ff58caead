// SPDX-License-Identifier: Apache-2.0
// Tests: `prefetch`, and `drop` with `keep`.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "accv_cache/drop.hpp"
#include "accv_cache/prefetch.hpp"
#include "accv_cache/query.hpp"
#include "support.hpp"

namespace {

using namespace accv_cache::test;
namespace detail = accv_cache::detail;
using accv_cache::cache_report;
using accv_cache::DropCacheStatus;
using accv_cache::failed_step;
using accv_cache::file_progress;
using accv_cache::limit_action;
using accv_cache::limit_source;
using accv_cache::prefetch;
using accv_cache::prefetch_options;
using accv_cache::prefetch_report;

using span = std::pair<std::int64_t, std::int64_t>;

void evict(const std::string& path, std::int64_t start = 0, std::int64_t length = 0) {
    need(::posix_fadvise(open_descriptor(path).get(), start, length, POSIX_FADV_DONTNEED) == 0,
         "evict");
}

/// A file that is written back and not resident, in folios of one page.
std::string write_cold(const std::string& path, std::int64_t bytes) {
    evict(write_warm(path, bytes, page));
    return path;
}

/// The ranges of a file that are resident, by mincore(2).
std::vector<span> resident_ranges(const std::string& path) {
    std::vector<span> ranges;
    std::int64_t at = 0;
    for (const unsigned char each : mapped_file(path).residency()) {
        if ((each & 1) != 0 && !ranges.empty() && ranges.back().second == at)
            ranges.back().second += page;
        else if ((each & 1) != 0)
            ranges.emplace_back(at, at + page);
        at += page;
    }
    return ranges;
}

prefetch_options within(std::int64_t offset, std::int64_t length) {
    prefetch_options options;
    options.offset = offset;
    options.length = length;
    return options;
}

prefetch_options at_most(std::int64_t bytes, limit_action action = limit_action::REFUSE) {
    prefetch_options options;
    options.max_bytes = bytes;
    options.on_limit = action;
    return options;
}

cache_report with_spans(const std::vector<std::string>& paths) {
    accv_cache::query_options options;
    options.spans = true;
    return accv_cache::query(paths, options);
}

TEST_CASE("a file is loaded, and is then resident already") {
    const temporary_folder folder;
    const std::string clip = write_cold(folder / "clip", 5 * mebibyte + 7);
    const std::int64_t all = 5 * mebibyte + page;
    REQUIRE(resident_bytes(clip) == 0);
    const prefetch_report first = prefetch(clip);
    CHECK(first.ok());
    CHECK(kept_bytes(clip) == all);
    CHECK(first[0].size_bytes == 5 * mebibyte + 7);
    CHECK(first[0].before_bytes == 0);
    CHECK(first[0].after_bytes == all);
    CHECK(first[0].loaded_bytes == all);
    CHECK(first[0].missing.total() == 0);
    CHECK_FALSE(first.limit().has_value());
    const prefetch_report second = prefetch(clip);
    CHECK(second[0].before_bytes == all);
    CHECK(second.totals().loaded_bytes() == 0);
}

TEST_CASE("exactly the pages of a range are loaded") {
    const temporary_folder folder;
    const std::string clip = write_cold(folder / "clip", 24 * mebibyte);
    const std::int64_t folio = detail::largest_folio();
    const span ranges[] = {{0, 1},
                           {page, page},
                           {page - 1, 2},
                           {folio - page, 2 * page},
                           {3 * page, 7 * mebibyte},
                           {0, folio},
                           {folio, folio},
                           {folio / 2, 4 * folio},
                           {mebibyte, 22 * mebibyte}};
    for (const span& each : ranges) {
        const std::int64_t offset = each.first;
        const std::int64_t length = each.second;
        CAPTURE(offset);
        CAPTURE(length);
        evict(clip);
        const prefetch_report report = prefetch(clip, within(offset, length));
        const std::int64_t start = offset / page * page;
        const std::int64_t stop = (offset + length + page - 1) / page * page;
        CHECK(report[0].loaded_bytes == stop - start);
        CHECK(kept_bytes(clip) == stop - start);
        CHECK(kept_bytes(clip, start, stop) == stop - start);
    }
}

TEST_CASE("only gaps are loaded") {
    const temporary_folder folder;
    const std::string clip = write_cold(folder / "clip", 64 * page);
    const open_descriptor file(clip);
    prefetch(file.get(), within(5 * page, 3 * page));
    prefetch(file.get(), within(60 * page, page));
    const prefetch_report report = prefetch(file.get(), within(4 * page, 58 * page));
    CHECK(report[0].before_bytes == 4 * page);
    CHECK(report[0].loaded_bytes == 54 * page);
    CHECK(kept_bytes(clip) == 58 * page);
}

TEST_CASE("a descriptor keeps its offset, and need not be open for reading") {
    const temporary_folder folder;
    const std::string clip = write_cold(folder / "clip", 3 * mebibyte);
    for (const int flags : {O_RDONLY, O_WRONLY, O_RDWR, O_RDONLY | O_DIRECT}) {
        CAPTURE(flags);
        evict(clip);
        const open_descriptor file(clip, flags);
        need(::lseek(file.get(), 4711, SEEK_SET) == 4711, "seek");
        CHECK(prefetch(file.get())[0].loaded_bytes == 3 * mebibyte);
        CHECK(kept_bytes(clip) == 3 * mebibyte);
        CHECK(::lseek(file.get(), 0, SEEK_CUR) == 4711);
    }
    const open_descriptor named(clip, O_PATH);
    CHECK(prefetch(named.get())[0].error == EBADF);
    CHECK(prefetch(named.get())[0].failed == failed_step::READ);
}

TEST_CASE("advice of the descriptor against read-ahead does not matter") {
    const temporary_folder folder;
    const std::string clip = write_cold(folder / "clip", 8 * mebibyte);
    const open_descriptor file(clip);
    need(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_RANDOM) == 0, "advise");
    CHECK(prefetch(file.get())[0].loaded_bytes == 8 * mebibyte);
    CHECK(kept_bytes(clip) == 8 * mebibyte);
}

TEST_CASE("holes are not read") {
    const temporary_folder folder;
    const std::string clip = folder / "clip";
    {
        const open_descriptor file(clip, O_WRONLY | O_CREAT);
        const std::string text(static_cast<std::size_t>(3 * page), 'x');
        for (const std::int64_t at : {std::int64_t{0}, std::int64_t{1} << 30})
            need(::pwrite(file.get(), text.data(), text.size(), at) == 3 * page, "write");
        need(::ftruncate(file.get(), std::int64_t{1} << 40) == 0, "make a hole");
        need(::fsync(file.get()) == 0, "sync a file");
    }
    evict(clip);
    const prefetch_report report = prefetch(clip);
    CHECK(report.ok());
    CHECK(report[0].size_bytes == std::int64_t{1} << 40);
    CHECK(report[0].loaded_bytes == 6 * page);
    CHECK(report[0].after_bytes == 6 * page);
    CHECK(report[0].missing.total() == 0);

    evict(clip);
    const open_descriptor lent(clip);
    need(::lseek(lent.get(), page, SEEK_SET) == page, "seek");
    CHECK(prefetch(lent.get())[0].loaded_bytes == 6 * page);
    CHECK(::lseek(lent.get(), 0, SEEK_CUR) == page);
}

TEST_CASE("a list that does not fit is refused, and nothing is loaded") {
    const temporary_folder folder;
    const std::string one = write_cold(folder / "one", mebibyte);
    const std::string two = write_cold(folder / "two", mebibyte);
    const prefetch_report report = prefetch({one, two}, at_most(2 * mebibyte - 1));
    CHECK(report.refused());
    CHECK_FALSE(report.ok());
    REQUIRE(report.limit().has_value());
    CHECK(report.limit()->needed_bytes == 2 * mebibyte);
    CHECK(report.limit()->available_bytes == 2 * mebibyte - 1);
    CHECK(report.limit()->source == limit_source::MAX_BYTES);
    CHECK(report.totals().missing.limit == 2 * mebibyte);
    CHECK(resident_bytes(one) + resident_bytes(two) == 0);
    CHECK(prefetch({one, two}, at_most(2 * mebibyte)).ok());
    CHECK(kept_bytes(one) + kept_bytes(two) == 2 * mebibyte);
}

TEST_CASE("or it is loaded as far as it fits, in list order") {
    const temporary_folder folder;
    std::vector<std::string> clips;
    for (const char* const name : {"one", "two", "three"})
        clips.push_back(write_cold(folder / name, mebibyte));
    const prefetch_report report =
        prefetch(clips, at_most(mebibyte + 10 * page + 1, limit_action::STOP));
    CHECK(report.ok());
    CHECK_FALSE(report.refused());
    CHECK(report.limit()->needed_bytes == 3 * mebibyte);
    CHECK(report[0].loaded_bytes == mebibyte);
    CHECK(report[1].loaded_bytes == 10 * page);
    CHECK(report[1].missing.limit == mebibyte - 10 * page);
    CHECK(report[2].loaded_bytes == 0);
    CHECK(report[2].missing.limit == mebibyte);
    CHECK(kept_bytes(clips[0]) == mebibyte);
    CHECK(kept_bytes(clips[1]) == kept_bytes(clips[1], 0, 10 * page));
    CHECK(kept_bytes(clips[1]) == 10 * page);
    CHECK(resident_bytes(clips[2]) == 0);
}

TEST_CASE("a limit that is no limit, and a range that is none, fail every file") {
    const temporary_folder folder;
    const std::string clip = write_cold(folder / "clip", page);
    for (const prefetch_options& options : {at_most(0), at_most(-1), within(-1, 5), within(0, 0)}) {
        const prefetch_report report = prefetch(clip, options);
        CHECK(report[0].failed == failed_step::READ);
        CHECK(report[0].error == EINVAL);
    }
    CHECK(resident_bytes(clip) == 0);
}

TEST_CASE("a file that is named twice is loaded once") {
    const temporary_folder folder;
    const std::string clip = write_cold(folder / "clip", mebibyte);
    std::filesystem::create_hard_link(clip, folder / "link");
    const prefetch_report report = prefetch({clip, folder / "link", clip}, at_most(mebibyte));
    CHECK(report.ok());
    CHECK(report.totals().loaded_bytes() == mebibyte);
    CHECK(report[0].loaded_bytes == mebibyte);
    CHECK(report[2].before_bytes == mebibyte);
}

TEST_CASE("what cannot be loaded says why, and the rest is loaded") {
    const temporary_folder folder;
    const std::string clip = write_cold(folder / "clip", page);
    need(::mkfifo((folder / "fifo").c_str(), 0600) == 0, "make a FIFO");
    std::filesystem::create_directory(folder / "empty");
    const prefetch_report report = prefetch({folder / "missing", folder / "fifo", folder / "empty",
                                             "/dev/null", "/proc/self/status", clip});
    REQUIRE(report.size() == 5);
    CHECK(report.status() == DropCacheStatus::FILE_OPEN_FAILED);
    CHECK(report[0].error == ENOENT);
    CHECK(report[1].error == ESPIPE);
    CHECK(report[2].status == DropCacheStatus::SUCCESS);
    CHECK(report[3].status == DropCacheStatus::SUCCESS);
    CHECK(report[4].loaded_bytes == page);
    CHECK_FALSE(report.totals().loaded_bytes().has_value());
    CHECK(prefetch({}).ok());
    CHECK(prefetch(folder / "empty").ok());
}

TEST_CASE("without waiting, what is not there yet is in flight") {
    const temporary_folder folder;
    const std::string clip = write_cold(folder / "clip", 16 * mebibyte);
    prefetch_options options;
    options.wait = false;
    const std::ptrdiff_t threads_before = threads();
    const prefetch_report report = prefetch(clip, options);
    CHECK(report.ok());
    CHECK(*report[0].after_bytes + report[0].missing.in_flight == 16 * mebibyte);
    CHECK(report[0].missing.total() == report[0].missing.in_flight);
    CHECK(no_thread_remains(threads_before));
    CHECK(content(clip).size() == 16 * mebibyte);  // waits for it
    CHECK(kept_bytes(clip) == 16 * mebibyte);
}

TEST_CASE("others may load what they may not measure") {
    const temporary_folder folder;
    std::filesystem::permissions(folder.path(), std::filesystem::perms{0755});
    const std::string clip = write_cold(folder / "clip", mebibyte);
    const int said = in_child([&] {
        become_stranger();
        const prefetch_report report = prefetch(clip);
        return report.ok() && !report[0].before_bytes && !report[0].loaded_bytes &&
                       report[0].unknown == accv_cache::unknown_reason::NOT_PERMITTED
                   ? 0
                   : 1;
    });
    if (::geteuid() == 0) CHECK(said == 0);
    if (::geteuid() == 0) CHECK(kept_bytes(clip) == mebibyte);
}

TEST_CASE("progress that says stop ends the call; the rest was not touched") {
    const temporary_folder folder;
    std::vector<std::string> clips;
    for (int i = 0; i != 8; ++i) clips.push_back(write_cold(folder / std::to_string(i), page));
    for (const std::size_t workers : {0U, 1U, 4U}) {
        prefetch_options options;
        options.workers = workers;
        options.progress = [&](const file_progress&) { return false; };
        const prefetch_report report = prefetch(clips, options);
        CHECK(report.stopped());
        CHECK(report.totals().untouched_files == clips.size());
        CHECK_FALSE(report.totals().loaded_bytes().has_value());
    }
    for (const std::string& each : clips) CHECK(resident_bytes(each) == 0);
    file_progress last;
    prefetch_options options;
    options.progress = [&](const file_progress& now) { return last = now, true; };
    CHECK(prefetch(clips, options).ok());
    CHECK(last.done_files == clips.size());
    CHECK(last.bytes == 8 * page);
}

TEST_CASE("what was resident is restored to the page, and what came in since is evicted") {
    const temporary_folder folder;
    const std::string some = write_cold(folder / "some", 40 * page + 5);
    const std::string none = write_cold(folder / "none", 4 * page);
    const std::string all = write_cold(folder / "all", 6 * page);
    const std::vector<std::string> paths{some, none, all};
    for (const std::int64_t at : {std::int64_t{0}, 7 * page, 8 * page, 40 * page})
        prefetch(some, within(at, page));
    prefetch(all);
    const std::vector<span> before = resident_ranges(some);
    REQUIRE(before == std::vector<span>{{0, page}, {7 * page, 9 * page}, {40 * page, 41 * page}});
    const cache_report warm = with_spans(paths);

    SUBCASE("restored") {
        for (const std::string& each : paths) evict(each);
        const prefetch_report report = prefetch(warm);
        CHECK(report.ok());
        CHECK(report.totals().loaded_bytes() == 10 * page);
        CHECK(prefetch(warm).totals().loaded_bytes() == 0);
    }
    SUBCASE("restored from a report that names each file twice") {
        for (const std::string& each : paths) evict(each);
        CHECK(prefetch(warm + warm).totals().known_loaded_bytes == 10 * page);
    }
    SUBCASE("kept") {
        prefetch(some, within(20 * page, 9 * page));
        prefetch(none);
        accv_cache::drop_options options;
        options.keep = &warm;
        const accv_cache::drop_report report = accv_cache::drop(paths, options);
        CHECK(report.ok());
        CHECK(report.totals().evicted_bytes() == 13 * page);
        CHECK(report.totals().resident_bytes() == 0);
    }
    CHECK(resident_ranges(some) == before);
    CHECK(resident_bytes(none) == 0);
    CHECK(resident_ranges(all) == std::vector<span>{{0, 6 * page}});
}

TEST_CASE("a file that the report does not have is evicted whole") {
    const temporary_folder folder;
    const std::string clip = write_warm(folder / "clip", 4 * page);
    const cache_report warm = with_spans({folder / "other"});
    accv_cache::drop_options options;
    options.keep = &warm;
    CHECK(accv_cache::drop(clip, options).ok());
    CHECK(resident_bytes(clip) == 0);
}

TEST_CASE("a report without spans restores nothing, and evicts nothing") {
    const temporary_folder folder;
    const std::string clip = write_warm(folder / "clip", 4 * page);
    const cache_report warm = accv_cache::query({clip, folder / "missing"});
    const prefetch_report restored = prefetch(warm);
    for (std::size_t i = 0; i != restored.size(); ++i) CHECK(restored[i].error != 0);
    CHECK(restored[0].error == EINVAL);
    accv_cache::drop_options options;
    options.keep = &warm;
    CHECK(accv_cache::drop(clip, options)[0].error == EINVAL);
    CHECK(kept_bytes(clip) == 4 * page);
}

TEST_CASE("files of a report that are gone, shorter, or a folder now") {
    const temporary_folder folder;
    const std::vector<std::string> clips{write_dirty(folder / "gone", page),
                                         write_dirty(folder / "short", 4 * page),
                                         write_dirty(folder / "folder", page)};
    const cache_report warm = with_spans(clips);
    std::filesystem::remove(clips[0]);
    std::filesystem::remove(clips[2]);
    std::filesystem::create_directory(clips[2]);
    std::filesystem::resize_file(clips[1], static_cast<std::uintmax_t>(2 * page));
    need(::fsync(open_descriptor(clips[1]).get()) == 0, "sync a file");
    evict(clips[1]);
    const prefetch_report report = prefetch(warm);
    REQUIRE(report.size() == 3);
    CHECK(report[0].error == ENOENT);
    CHECK(report[1].loaded_bytes == 2 * page);
    CHECK(report[2].error == EISDIR);
}

// ---- how much fits
// ----------------------------------------------------------------------------

/// A tree of cgroups as the kernel shows it.
class cgroup_tree {
public:
    explicit cgroup_tree(bool v2) : v2_(v2) {}

    /// Makes a cgroup `path` of the tree; a limit of -1: none.
    void add(const std::string& path, std::int64_t limit, std::int64_t usage,
             std::int64_t inactive = 0, std::int64_t dirty = 0) const {
        const std::string at = folder_ / path;
        std::filesystem::create_directories(at);
        const std::string none = v2_ ? "max" : "9223372036854771712";
        write(at + (v2_ ? "/memory.max" : "/memory.limit_in_bytes"),
              limit < 0 ? none : std::to_string(limit));
        write(at + (v2_ ? "/memory.current" : "/memory.usage_in_bytes"), std::to_string(usage));
        const std::string prefix = v2_ ? "" : "total_";
        write(at + "/memory.stat", prefix + "inactive_file " + std::to_string(inactive) + "\n" +
                                       (v2_ ? "file_dirty " : "total_dirty ") +
                                       std::to_string(dirty) + "\n");
    }
    void write_high(const std::string& path, std::int64_t bytes) const {
        write(folder_ / path + "/memory.high", std::to_string(bytes));
    }

    detail::memory_room room(const std::string& path, std::int64_t loaded = 0) const {
        detail::memory_room found;
        detail::lower_to_cgroup(found, {folder_.path(), folder_ / path, v2_}, loaded);
        return found;
    }
    std::string path_of(const std::string& path) const { return folder_ / path; }

private:
    static void write(const std::string& path, const std::string& text) {
        std::ofstream(path) << text << '\n';
    }

    bool v2_;
    temporary_folder folder_;
};

TEST_CASE("what fits is the least below each limit, with clean inactive pages") {
    for (const bool v2 : {false, true}) {
        CAPTURE(v2);
        const cgroup_tree tree(v2);
        tree.add("pod", 1000, 700, 200, 50);
        tree.add("pod/job", 800, 100, 30);
        tree.add("pod/job/task", -1, 10);
        CHECK(tree.room("pod/job/task").bytes == 450);
        CHECK(tree.room("pod/job/task").source == limit_source::CGROUP);
        CHECK(tree.room("pod/job/task").cgroup == tree.path_of("pod"));
        CHECK(tree.room("pod/job/task", 100).bytes == 350);  // a part of what is inactive is ours
        CHECK(tree.room("pod/job/task", 5000).bytes == 300);
        tree.add("pod/job", 800, 790, 30, 90);
        CHECK(tree.room("pod/job").bytes == 10);
        CHECK(tree.room("pod/job").cgroup == tree.path_of("pod/job"));
        tree.add("pod/job", 800, 900);
        CHECK(tree.room("pod/job").bytes == 0);
        tree.add("pod/job", -1, 900);
        tree.add("pod", -1, 900);
        CHECK(tree.room("pod/job").source == limit_source::NONE);
    }
    const cgroup_tree tree(true);
    tree.add("job", 800, 100);
    tree.write_high("job", 500);
    CHECK(tree.room("job").bytes == 400);
}

TEST_CASE("what is reserved is no room") {
    const temporary_folder folder;
    const std::string clip = write_cold(folder / "clip", 4 * page);
    prefetch_options options;
    options.reserved_bytes = std::numeric_limits<std::int64_t>::max();
    const prefetch_report report = prefetch(clip, options);
    CHECK(report.refused());
    REQUIRE(report.limit().has_value());
    CHECK(report.limit()->available_bytes == 0);
    options.reserved_bytes = -1;
    CHECK(prefetch(clip, options)[0].loaded_bytes == 4 * page);
}

TEST_CASE("the machine is a limit, too") {
    const detail::memory_room room = detail::room_finder({}).find(0);
    CHECK(room.source != limit_source::NONE);
    CHECK(room.source != limit_source::MAX_BYTES);
    CHECK(room.bytes > 0);
    CHECK(detail::room_finder({}).find(std::int64_t{1} << 60).bytes == 0);
    CHECK(detail::room_finder({}, std::int64_t{1} << 60).find(0).bytes == 0);
    CHECK(detail::room_finder(5).find(2).bytes == 3);
    CHECK(detail::room_finder(5).find(2).source == limit_source::MAX_BYTES);
}

// ---- the arithmetic
// ------------------------------------------------------------------------------

TEST_CASE("ranges of pages are joined, divided and subtracted") {
    const auto spans_of = [](const std::vector<span>& pages) {
        std::vector<accv_cache::resident_span> spans;
        for (const auto& [start, stop] : pages) spans.push_back({start * page, stop * page});
        return detail::pages_of(std::move(spans));
    };
    const auto pages_in = [](const detail::page_spans& spans) {
        std::vector<span> pages;
        for (const auto& each : spans) pages.emplace_back(each.start / page, each.stop / page);
        return pages;
    };
    using list = std::vector<span>;
    CHECK(pages_in(spans_of({{5, 6}, {0, 2}, {1, 3}, {3, 4}})) == list{{0, 4}, {5, 6}});
    CHECK(pages_in(detail::pages_of({{1, 2}, {page - 1, page + 1}})) == list{{0, 2}});
    const auto some = spans_of({{0, 4}, {6, 9}});
    CHECK(pages_in(detail::without(some, {})) == list{{0, 4}, {6, 9}});
    CHECK(pages_in(detail::without(some, some)).empty());
    CHECK(pages_in(detail::without(some, spans_of({{1, 2}, {3, 7}}))) ==
          list{{0, 1}, {2, 3}, {7, 9}});
    CHECK(pages_in(detail::without(spans_of({{0, 9}}), some)) == list{{4, 6}});
    CHECK(pages_in(detail::within(some, 2 * page, 7 * page)) == list{{2, 4}, {6, 7}});
    CHECK(detail::bytes_of(some) == 7 * page);
}

TEST_CASE("the steps of a range cover it, and cross no folio that they do not fill") {
    const std::int64_t folio = detail::largest_folio();
    const std::int64_t size = 5 * folio + 3 * page;
    for (const std::int64_t start : {std::int64_t{0}, page, folio - page, folio, 2 * folio + page})
        for (const std::int64_t stop : {start + page, 3 * folio, 3 * folio + page, size}) {
            std::int64_t at = start;
            while (at < stop) {
                const detail::load_step step = detail::first_step(at, stop, size);
                REQUIRE(step.start == at);
                REQUIRE(step.stop > at);
                REQUIRE(step.stop <= stop);
                if (step.allowed == detail::overshoot::to_the_end) CHECK(stop == size);
                if (step.allowed == detail::overshoot::folio) CHECK(step.bytes() % folio == 0);
                if (step.allowed != detail::overshoot::none) CHECK(at % folio == 0);
                at = step.stop;
            }
            CHECK(at == stop);
        }
}

TEST_CASE("the last step ends where the largest file does") {
    const std::int64_t stop = detail::round_up_to_page(INT64_MAX);
    for (std::int64_t at = stop - 5 * detail::load_window - page; at < stop;) {
        const detail::load_step step = detail::first_step(at, stop, INT64_MAX);
        REQUIRE(step.stop > at);
        REQUIRE(step.stop <= stop);
        at = step.stop;
    }
    const temporary_folder folder;
    const open_descriptor file(write_warm(folder / "clip", page));
    CHECK(detail::start_reading(file.get(), stop - page, stop) == 0);
    CHECK(detail::load_by_copying(file.get(), {stop - page, stop}) == 0);
}

}  // namespace
