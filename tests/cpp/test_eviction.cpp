// SPDX-License-Identifier: Apache-2.0
// Tests: Evicting one file, piece by piece.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "accv_cache/detail/eviction.hpp"
#include "support.hpp"

namespace {

using namespace accv_cache::detail;
using namespace accv_cache::test;

/// Advice on this invalid descriptor is recorded instead of given.
constexpr int noted = -7;
std::vector<byte_range> notes;

}  // namespace

/// Replaces the function of the C library in this program.
extern "C" int posix_fadvise(int fd, off_t offset, off_t length, int advice) noexcept {
    if (fd == noted) {
        notes.push_back({offset, length});
        return 0;
    }
    return ::syscall(SYS_fadvise64, fd, offset, length, advice) == 0 ? 0 : errno;
}

namespace {

const auto goes_on = [] { return true; };

/// Reads a whole file, and so makes it resident, a hole too.
void warm(const std::string& path) {
    const open_descriptor file(path);
    std::vector<char> buffer(static_cast<std::size_t>(mebibyte));
    while (::read(file.get(), buffer.data(), buffer.size()) > 0) continue;
}

TEST_CASE("the pieces of a range cover it without gaps, with seams on large folios") {
    std::mt19937_64 random(3);
    const auto below = [&random](std::int64_t limit) {
        return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(limit));
    };
    for (int round = 0; round != 20'000; ++round) {
        const std::int64_t size = 1 + below(std::int64_t{1} << (20 + below(25)));
        byte_range range{below(2) == 0 ? 0 : below(size), 0};
        if (below(2) == 0) range.length = 1 + below(2 * size);
        CAPTURE(size);
        CAPTURE(range.offset);
        CAPTURE(range.length);

        notes.clear();
        piecewise_eviction job(noted, range, range.end(size));
        piecewise_eviction::item item;
        for (std::size_t i = 0; i != job.pieces(); ++i) REQUIRE(job.finish(i, item) == proceed);

        REQUIRE(notes.size() == job.pieces());
        CHECK(notes.size() <= 258);
        CHECK(notes.front().offset == range.offset);
        std::size_t wrong = 0;
        for (std::size_t i = 0; i + 1 != notes.size(); ++i) {
            const std::int64_t seam = notes[i].offset + notes[i].length;
            if (notes[i].length <= 0 || seam != notes[i + 1].offset || seam % (2 * mebibyte) != 0 ||
                seam >= range.end(size))
                ++wrong;
        }
        CHECK(wrong == 0);
        const byte_range& last = notes.back();
        if (range.length == 0)
            CHECK(last.length == 0);
        else
            CHECK(last.offset + last.length == range.offset + range.length);
    }
}

TEST_CASE("a large file is evicted whole") {
    const temporary_folder folder;
    const std::string path = folder / "large";
    const std::int64_t size = 300 * mebibyte + 1;
    open_descriptor(path, O_WRONLY | O_CREAT);
    need(::truncate(path.c_str(), size) == 0, "make a large file");
    ticker tick(goes_on);
    for (const bool alone : {false, true})
        for (const std::size_t workers : {0U, 1U, 8U}) {
            warm(path);
            const open_descriptor file(path);
            CHECK(evict(file.get(), {}, size, size, alone, workers, tick) == proceed);
            CHECK(resident_bytes(path) < most_in_reclaim);
        }
}

TEST_CASE("of a large file only the range is evicted") {
    const temporary_folder folder;
    const std::string path = folder / "large";
    const std::int64_t size = 300 * mebibyte;
    open_descriptor(path, O_WRONLY | O_CREAT);
    need(::truncate(path.c_str(), size) == 0, "make a large file");
    const byte_range range{11 * mebibyte + 123, 200 * mebibyte};
    const std::int64_t stop = range.end(size);
    warm(path);
    const open_descriptor file(path);
    ticker tick(goes_on);
    CHECK(evict(file.get(), range, range.length, size, true, 8, tick) == proceed);
    CHECK(kept_bytes(path, 0, range.offset) == 11 * mebibyte + page);
    CHECK(kept_bytes(path, stop, size) == size - 211 * mebibyte);
    // A folio at either end may be partly outside.
    CHECK(resident_bytes(path, range.offset, stop) <= 4 * mebibyte);
}

TEST_CASE("a range that ends near the last off_t is advised at once") {
    constexpr std::int64_t last = std::numeric_limits<std::int64_t>::max();
    ticker tick(goes_on);
    notes.clear();
    CHECK(evict(noted, {last - mebibyte, 0}, last, last, true, 8, tick) == proceed);
    REQUIRE(notes.size() == 1);
    CHECK(notes[0].offset == last - mebibyte);
    CHECK(notes[0].length == 0);
}

TEST_CASE("a tick that says stop ends the eviction of a large file") {
    const auto never = [] { return false; };
    ticker tick(never);
    CHECK(tick());
    CHECK_FALSE(tick.serve());
    CHECK(tick.stopped());
    CHECK_FALSE(tick());
}

TEST_CASE("an error of the advice comes back") {
    int ends[2];
    need(::pipe(ends) == 0, "make a pipe");
    ticker tick(goes_on);
    CHECK(rehearse_advice(ends[0]) == -ESPIPE);
    CHECK(evict(ends[0], {}, 0, 0, true, 0, tick) == ESPIPE);
    CHECK(evict(ends[0], {}, 200 * mebibyte, 200 * mebibyte, true, 8, tick) == ESPIPE);
    ::close(ends[0]);
    ::close(ends[1]);
}

}  // namespace
