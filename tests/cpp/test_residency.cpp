// SPDX-License-Identifier: Apache-2.0
// Tests: The readers of residency.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "accv_cache/detail/file/advice.hpp"
#include "accv_cache/detail/file/read_residency.hpp"
#include "accv_cache/detail/file/read_spans.hpp"
#include "support.hpp"

namespace {

using namespace accv_cache::detail;
using namespace accv_cache::test;
using accv_cache::residency_source;
using accv_cache::resident_spans;
using accv_cache::unknown_reason;

struct stat status_of(int fd) {
    struct stat status{};
    need(::fstat(fd, &status) == 0, "fstat a file");
    return status;
}

residency read(const std::string& path, const byte_range& range = {}) {
    const open_descriptor file(path);
    file_system_lookup file_systems;
    return read_residency(file.get(), range, status_of(file.get()), file_systems);
}

TEST_CASE("all readers agree on every range") {
    const temporary_folder folder;
    const std::int64_t size = 8 * mebibyte + 77;
    const std::string path = write_warm(folder / "clip", size, page);
    std::mt19937 random(5);
    file_system_lookup file_systems;
    for (int round = 0; round != 300; ++round) {
        const open_descriptor file(path);
        const struct stat status = status_of(file.get());
        const auto offset = static_cast<std::int64_t>(random() % static_cast<unsigned>(size));
        const auto length = static_cast<std::int64_t>(random() % static_cast<unsigned>(size));
        const byte_range range{offset, length};
        const std::int64_t stop = range.end(size);
        CAPTURE(offset);
        CAPTURE(length);

        const std::int64_t truth = resident_bytes(path, offset, stop);
        CHECK(count_by_mincore(file.get(), range, size).resident_bytes == truth);
        const residency told = read_residency(file.get(), range, status, file_systems);
        REQUIRE(told.known());
        CHECK(told.resident_bytes == truth);
        residency by_cachestat;
        const int error = -cachestat(file.get(), range, by_cachestat);
        if (error != 0)
            CHECK(is_cachestat_missing(error));
        else if (file_system_of(file.get()) != file_system_kind::overlay)
            CHECK(by_cachestat.resident_bytes == truth);

        // A hole somewhere, for the next round.
        const auto hole = static_cast<std::int64_t>(random() % static_cast<unsigned>(size));
        CHECK(advise_evict(file.get(), {hole, 64 * page}) == 0);
        if (round % 50 == 49) write_warm(path, size, page);
    }
}

TEST_CASE("each resident page is visited once, in order") {
    const temporary_folder folder;
    const std::int64_t size = 200 * mebibyte;  // more than one window of mincore
    const std::string path = folder / "sparse";
    open_descriptor(path, O_WRONLY | O_CREAT);
    need(::truncate(path.c_str(), size) == 0, "make a file");
    const open_descriptor file(path);
    need(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_RANDOM) == 0, "switch read-ahead off");
    const std::vector<std::int64_t> read_at = {0, 5 * page, 128 * mebibyte - page, 128 * mebibyte,
                                               size - page};
    for (const std::int64_t each : read_at) {
        char letter = 0;
        need(::pread(file.get(), &letter, 1, each) == 1, "read");
    }
    std::vector<std::int64_t> seen;
    CHECK(for_each_resident_page(file.get(), 0, size, {},
                                 [&](std::int64_t offset) { seen.push_back(offset); }) == 0);
    CHECK(seen == read_at);
}

TEST_CASE("dirty pages are told where the kernel tells them") {
    const temporary_folder folder;
    const std::string path = write_dirty(folder / "clip", 4 * mebibyte);
    const auto left_to_write = [&] {
        return cache_counts(path, 0, INT64_MAX).dirty_or_in_writeback();
    };
    const std::int64_t before = left_to_write();
    const residency told = read(path);
    const std::int64_t after = left_to_write();
    CHECK(told.resident_bytes == 4 * mebibyte);
    CHECK(told.dirty_bytes.has_value() == (told.source == residency_source::CACHESTAT));
    if (!told.dirty_bytes) return;
    // The kernel may write it back at any time.
    CHECK(*told.dirty_bytes + *told.writeback_bytes <= before);
    CHECK(*told.dirty_bytes + *told.writeback_bytes >= after);
}

TEST_CASE("reading loads nothing") {
    const temporary_folder folder;
    const std::string path = write_warm(folder / "clip", 4 * mebibyte);
    CHECK(advise_evict(open_descriptor(path).get(), {}) == 0);
    for (int i = 0; i != 3; ++i) CHECK(read(path).resident_bytes == 0);
    const open_descriptor file(path);
    CHECK(count_by_mincore(file.get(), {}, 4 * mebibyte).resident_bytes == 0);
    CHECK(resident_bytes(path) == 0);
}

TEST_CASE("an empty file holds nothing, and that is known") {
    const temporary_folder folder;
    const residency told = read(write_warm(folder / "empty", 0));
    CHECK(told.known());
    CHECK(told.resident_bytes == 0);
}

TEST_CASE("a file in memory is told") {
    const temporary_folder folder("/dev/shm");
    const std::string path = write_dirty(folder / "clip", mebibyte);
    CHECK(file_system_of(open_descriptor(path).get()) == file_system_kind::memory);
    CHECK(read(path).resident_bytes == mebibyte);
}

TEST_CASE("of a file that one may not measure nothing is claimed") {
    const temporary_folder folder;
    const std::string path = write_dirty(folder / "clip", mebibyte);
    std::filesystem::permissions(folder.path(), std::filesystem::perms{0755});
    const auto known_to_stranger = [&](unsigned mode) {
        std::filesystem::permissions(path, static_cast<std::filesystem::perms>(mode));
        return in_child([&] {
            become_stranger();
            const residency told = read(path);
            return told.known() && told.resident_bytes == mebibyte ? 1 : told.known() ? 2 : 0;
        });
    };
    CHECK(known_to_stranger(0666) == 1);
    // Without root's rights to give up, the child still owns the file.
    CHECK(known_to_stranger(0444) == (::geteuid() == 0 ? 0 : 1));
}

resident_spans spans(const std::string& path, const byte_range& range = {},
                     const keep_going& go_on = {}) {
    const open_descriptor file(path);
    const struct stat status = status_of(file.get());
    file_system_lookup file_systems;
    const residency told = read_residency(file.get(), range, status, file_systems, go_on);
    return read_spans(file.get(), range, status, told, file_systems, go_on);
}

TEST_CASE("a range that starts at the end of a file holds nothing") {
    const temporary_folder folder;
    const std::int64_t size = 10 * page + 100;
    const std::string path = write_warm(folder / "clip", size);
    for (const std::int64_t offset : {size, size + 1, 20 * page}) {
        const residency told = read(path, {offset, 0});
        CHECK(told.known());
        CHECK(told.resident_bytes == 0);
    }
    CHECK(read(path, {size - 1, 0}).resident_bytes == page);
}

TEST_CASE("ranges of the largest files add up") {
    constexpr std::int64_t most = INT64_MAX;
    CHECK(most_resident({}, most) == most / page * page);
    CHECK(most_resident({most - 5000, 0}, most) == 2 * page);
    CHECK(most_resident({most - 1, 0}, most) == page);
    CHECK(most_resident({most, 0}, most) == 0);
    CHECK(most_resident({100, most}, 300) == page);
    CHECK(round_up_to_page(most) == most / page * page);
    CHECK(round_up_to_page(page + 1) == 2 * page);
}

TEST_CASE("spans are those pages that the figure counts, also where one is half written") {
    // A page of which a block was written and the rest never read is in memory, and not up to date.
    const temporary_folder folder;
    const std::string path = write_warm(folder / "clip", 64 * page);
    CHECK(advise_evict(open_descriptor(path).get(), {}) == 0);
    const open_descriptor file(path, O_WRONLY);
    need(::pwrite(file.get(), "x", 1, 9 * page) == 1, "write");
    const auto found = spans(path);
    REQUIRE(found.has_value());
    std::int64_t sum = 0;
    for (const auto& each : *found) sum += each.stop - each.start;
    CHECK(sum == read(path).resident_bytes);
}

TEST_CASE("spans of a sparse file of terabytes are found at once") {
    const temporary_folder folder;
    const std::string path = folder / "sparse";
    open_descriptor(path, O_WRONLY | O_CREAT);
    const std::int64_t size = std::int64_t{9} << 40;
    need(::truncate(path.c_str(), size) == 0, "make a file");
    const std::int64_t far = std::int64_t{1} << 43;
    {
        const open_descriptor file(path, O_WRONLY);
        need(::pwrite(file.get(), "x", 1, far) == 1, "write");
    }
    if (read(path).source != residency_source::CACHESTAT) return;
    int asked = 0;
    const auto found = spans(path, {}, [&] { return ++asked, true; });
    REQUIRE(found.has_value());
    REQUIRE(found->size() == 1);
    CHECK(found->front().start == far);
    CHECK(found->front().stop == far + page);
    CHECK(asked < 1000);
}

TEST_CASE("a long walk with mincore asks whether to go on, and ends when it may not") {
    const temporary_folder folder;
    const std::string path = folder / "sparse";
    open_descriptor(path, O_WRONLY | O_CREAT);
    need(::truncate(path.c_str(), std::int64_t{1} << 40) == 0, "make a file");
    int asked = 0;
    const residency told = count_by_mincore(open_descriptor(path).get(), {}, std::int64_t{1} << 40,
                                            [&] { return ++asked != 3; });
    CHECK(asked == 3);
    CHECK_FALSE(told.known());
    CHECK(told.unknown == unknown_reason::NONE);
}

TEST_CASE("a descriptor that is not open to read can be mapped all the same") {
    const temporary_folder folder;
    const std::string path = write_warm(folder / "clip", 3 * page);
    const open_descriptor file(path, O_WRONLY);
    const mappable readable(file.get(), file_system_kind::overlay);
    REQUIRE(readable.get() >= 0);
    CHECK(count_by_mincore(readable.get(), {}, 3 * page).resident_bytes == 3 * page);
    CHECK(count_by_mincore(file.get(), {}, 3 * page).unknown == unknown_reason::NOT_READABLE);
}

TEST_CASE("mincore is not believed about a file that one may not measure, however large it is") {
    const temporary_folder folder;
    std::filesystem::permissions(folder.path(), std::filesystem::perms{0755});
    const std::string path = write_warm(folder / "clip", page);
    const auto distrust = [&](std::int64_t size) {
        return distrust_of_mincore(open_descriptor(path).get(), size);
    };
    for (const std::int64_t size : {page, std::int64_t{9} << 40, INT64_MAX})
        CHECK(distrust(size) == unknown_reason::NONE);
    CHECK(in_child([&] {
              become_stranger();
              return distrust(page) == (::geteuid() == stranger ? unknown_reason::NOT_PERMITTED
                                                                : unknown_reason::NONE)
                         ? 0
                         : 1;
          }) == 0);
}

TEST_CASE("measuring by mincore keeps the access time") {
    const temporary_folder folder;
    const std::string path = write_warm(folder / "clip", page);
    const timespec old[2] = {{1000, 0}, {2000, 0}};
    need(::utimensat(AT_FDCWD, path.c_str(), old, 0) == 0, "set times");
    const open_descriptor file(path);
    const mappable readable(file.get(), file_system_kind::overlay);
    count_by_mincore(readable.get(), {}, page);
    CHECK(status_of(file.get()).st_atim.tv_sec == 1000);
}

}  // namespace
