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
#include "support.hpp"

namespace {

using namespace accv_cache::detail;
using namespace accv_cache::test;
using accv_cache::residency_source;

struct stat status_of(int fd) {
    struct stat status{};
    need(::fstat(fd, &status) == 0, "fstat a file");
    return status;
}

residency read(const std::string& path, const byte_range& range = {}) {
    const open_descriptor file(path);
    file_system_memory file_systems;
    return read_residency(file.get(), range, status_of(file.get()), file_systems);
}

TEST_CASE("all readers agree on every range") {
    const temporary_folder folder;
    const std::int64_t size = 8 * mebibyte + 77;
    const std::string path = write_warm(folder / "clip", size, page);
    std::mt19937 random(5);
    file_system_memory file_systems;
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
    CHECK(for_each_resident_page(file.get(), 0, size,
                                 [&](std::int64_t offset) { seen.push_back(offset); }));
    CHECK(seen == read_at);
}

TEST_CASE("dirty pages are told where the kernel tells them") {
    const temporary_folder folder;
    const residency told = read(write_dirty(folder / "clip", 4 * mebibyte));
    CHECK(told.resident_bytes == 4 * mebibyte);
    CHECK(told.dirty_bytes.has_value() == (told.source == residency_source::CACHESTAT));
    if (told.dirty_bytes) CHECK(*told.dirty_bytes + *told.writeback_bytes > 0);
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
    const std::string path = write_warm(folder / "clip", mebibyte);
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

}  // namespace
