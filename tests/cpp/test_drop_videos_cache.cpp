// SPDX-License-Identifier: Apache-2.0
// Tests: `drop_videos_cache`.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <forward_list>
#include <list>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "accv_cache/drop_videos_cache.hpp"
#include "support.hpp"

namespace {

using namespace accv_cache::test;
using accv_cache::drop_videos_cache;
using accv_cache::DropCacheStatus;

/// An item that is no file with pages; the contract defines its status.
struct odd_item {
    std::string path;
    DropCacheStatus gives;
};

/// One of every kind that a process may make without special rights.
std::vector<odd_item> odd_items(const temporary_folder& folder) {
    need(::symlink("loop", (folder / "loop").c_str()) == 0, "make a link");
    need(::mkfifo((folder / "fifo").c_str(), 0644) == 0, "make a FIFO");

    const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (folder / "socket").copy(address.sun_path, sizeof address.sun_path - 1);
    need(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
         "make a socket");
    ::close(listener);

    return {{folder / "missing", DropCacheStatus::FILE_OPEN_FAILED},
            {folder / "loop", DropCacheStatus::FILE_OPEN_FAILED},
            {folder / "socket", DropCacheStatus::FILE_OPEN_FAILED},
            {folder / std::string(300, 'n'), DropCacheStatus::FILE_OPEN_FAILED},
            {"", DropCacheStatus::FILE_OPEN_FAILED},
            {folder / "fifo", DropCacheStatus::FADVISE_FAILED},
            {folder.path() + std::string("\0hidden", 7), DropCacheStatus::UNKNOWN_ERROR},
            {folder.path(), DropCacheStatus::SUCCESS},
            {"/dev/null", DropCacheStatus::SUCCESS},
            {"/proc/self/maps", DropCacheStatus::SUCCESS}};
}

std::size_t count_kept(const std::vector<std::string>& paths, std::size_t first) {
    return static_cast<std::size_t>(
        std::count_if(paths.begin() + static_cast<std::ptrdiff_t>(first), paths.end(),
                      [](const std::string& path) { return kept_bytes(path) != 0; }));
}

TEST_CASE("the statuses have the names and values of the contract") {
    const std::array names = {"SUCCESS", "PLATFORM_ERROR", "FILE_OPEN_FAILED", "FADVISE_FAILED",
                              "UNKNOWN_ERROR"};
    for (std::size_t value = 0; value != names.size(); ++value)
        CHECK(accv_cache::to_string(static_cast<DropCacheStatus>(value)) ==
              std::string(names[value]));
    CHECK(static_cast<int>(DropCacheStatus::PLATFORM_ERROR) == 1);
    CHECK(static_cast<int>(DropCacheStatus::FILE_OPEN_FAILED) == 2);
    CHECK(static_cast<int>(DropCacheStatus::FADVISE_FAILED) == 3);
    CHECK(static_cast<int>(DropCacheStatus::UNKNOWN_ERROR) == 4);
}

TEST_CASE("no paths are a success") {
    CHECK(drop_videos_cache(std::vector<std::string>{}) == DropCacheStatus::SUCCESS);
    CHECK(drop_videos_cache({}) == DropCacheStatus::SUCCESS);
    const std::list<std::filesystem::path> none;
    CHECK(drop_videos_cache(none.begin(), none.end()) == DropCacheStatus::SUCCESS);
}

TEST_CASE("every kind of list evicts its files, and leaves content and times alone") {
    const temporary_folder folder;
    const std::string one = write_warm(folder / "one.mp4", 3 * mebibyte + 5);
    const std::string two = write_warm(folder / "two.mp4", 1);
    const std::string before = content(one);
    const auto time = std::filesystem::last_write_time(one);
    REQUIRE(kept_bytes(one) == 3 * mebibyte + page);
    REQUIRE(kept_bytes(two) == page);

    SUBCASE("a vector of strings") {
        CHECK(drop_videos_cache(std::vector<std::string>{one, two}) == DropCacheStatus::SUCCESS);
    }
    SUBCASE("a braced list") {
        CHECK(drop_videos_cache({one.c_str(), two.c_str()}) == DropCacheStatus::SUCCESS);
    }
    SUBCASE("a braced list of strings") {
        CHECK(drop_videos_cache({one, two}) == DropCacheStatus::SUCCESS);
    }
    SUBCASE("a linked list of paths") {
        const std::list<std::filesystem::path> list{one, two};
        CHECK(drop_videos_cache(list.begin(), list.end()) == DropCacheStatus::SUCCESS);
    }
    SUBCASE("a list that goes only forward") {
        const std::forward_list<std::string> list{one, two};
        CHECK(drop_videos_cache(list.begin(), list.end()) == DropCacheStatus::SUCCESS);
    }
    SUBCASE("an array of pointers") {
        const char* const array[] = {one.c_str(), two.c_str()};
        CHECK(drop_videos_cache(std::begin(array), std::end(array)) == DropCacheStatus::SUCCESS);
    }
    SUBCASE("a vector of paths") {
        const std::vector<std::filesystem::path> vector{one, two};
        CHECK(drop_videos_cache(vector.begin(), vector.end()) == DropCacheStatus::SUCCESS);
    }
    CHECK(resident_bytes(one) == 0);
    CHECK(resident_bytes(two) == 0);
    CHECK(content(one) == before);
    CHECK(std::filesystem::last_write_time(one) == time);
}

TEST_CASE("each odd item gives its status, and decides for what comes after it") {
    const temporary_folder folder;
    const std::string first = folder / "first";
    const std::string last = folder / "last";
    for (const odd_item& odd : odd_items(folder)) {
        CAPTURE(odd.path);
        write_warm(first, 2 * page);
        write_warm(last, 2 * page);
        const auto descriptors = open_descriptors();
        CHECK(drop_videos_cache(std::vector{odd.path}) == odd.gives);
        CHECK(drop_videos_cache(std::vector{first, odd.path, last}) == odd.gives);
        CHECK(open_descriptors() == descriptors);
        CHECK(resident_bytes(first) == 0);
        if (odd.gives == DropCacheStatus::SUCCESS)
            CHECK(resident_bytes(last) == 0);
        else
            CHECK(kept_bytes(last) == 2 * page);
    }
}

TEST_CASE("a null pointer is no path") {
    const temporary_folder folder;
    const std::string first = write_warm(folder / "first", page);
    const std::string last = write_warm(folder / "last", page);
    const char* const none = nullptr;
    CHECK(drop_videos_cache({first.c_str(), none, last.c_str()}) == DropCacheStatus::UNKNOWN_ERROR);
    CHECK(resident_bytes(first) == 0);
    CHECK(kept_bytes(last) == page);
}

TEST_CASE("an unreadable file cannot be opened") {
    const temporary_folder folder;
    const std::string path = write_warm(folder / "secret", page);
    std::filesystem::permissions(folder.path(), std::filesystem::perms{0755});
    std::filesystem::permissions(path, std::filesystem::perms::none);
    CHECK(in_child([&] {
              become_stranger();
              return static_cast<int>(drop_videos_cache({path.c_str()}));
          }) == static_cast<int>(DropCacheStatus::FILE_OPEN_FAILED));
    CHECK(kept_bytes(path) == page);
}

TEST_CASE("a file under a write lease cannot be opened, and is not waited for") {
    const temporary_folder folder;
    const std::string path = write_warm(folder / "leased", page);
    // The kernel sends SIGIO to the holder of the lease, which ends a process that does not ignore
    // it.
    const auto before = std::signal(SIGIO, SIG_IGN);
    {
        const open_descriptor holder(path, O_RDWR);
        need(::fcntl(holder.get(), F_SETLEASE, F_WRLCK) == 0, "take a lease");
        CHECK(drop_videos_cache({path.c_str()}) == DropCacheStatus::FILE_OPEN_FAILED);
    }
    std::signal(SIGIO, before);
}

TEST_CASE("dirty pages are not awaited, and not lost") {
    const temporary_folder folder;
    const std::string path = write_dirty(folder / "dirty", 3 * mebibyte);
    const std::string before = content(path);
    CHECK(drop_videos_cache({path.c_str()}) == DropCacheStatus::SUCCESS);
    CHECK(content(path) == before);
}

TEST_CASE("the first bad item of a long list decides, however many threads work") {
    const temporary_folder folder;
    const std::vector<std::string> files = write_many(folder, 400);
    const std::vector<odd_item> odd = odd_items(folder);
    std::mt19937 random(11);
    for (int round = 0; round != 12; ++round) {
        std::vector<std::string> list = files;
        DropCacheStatus expected = DropCacheStatus::SUCCESS;
        std::size_t first_bad = list.size();
        for (int i = 0; i != 5; ++i) {
            const odd_item& chosen = odd[random() % odd.size()];
            const std::size_t position = random() % list.size();
            if (list[position] != files[position]) continue;
            list[position] = chosen.path;
            if (chosen.gives != DropCacheStatus::SUCCESS && position < first_bad) {
                first_bad = position;
                expected = chosen.gives;
            }
        }
        CAPTURE(round);
        CAPTURE(first_bad);
        warm_again(files);
        const auto descriptors = open_descriptors();
        CHECK(drop_videos_cache(list) == expected);
        CHECK(open_descriptors() == descriptors);
        std::size_t still_there = 0;
        for (std::size_t i = 0; i != first_bad; ++i)
            if (list[i] == files[i] && resident_bytes(files[i]) != 0) ++still_there;
        CHECK(still_there == 0);
        CHECK(count_kept(files, first_bad) == files.size() - first_bad);
    }
}

TEST_CASE("few descriptors never turn a good list into a failure") {
    const temporary_folder folder;
    const std::vector<std::string> files = write_many(folder, 400);
    for (const int free : {1, 2, 3, 10}) {
        CAPTURE(free);
        warm_again(files);
        const auto descriptors = open_descriptors();
        {
            const few_descriptors_left limit(free);
            CHECK(drop_videos_cache(files) == DropCacheStatus::SUCCESS);
        }
        CHECK(open_descriptors() == descriptors);
        for (const std::string& each : files) CHECK(resident_bytes(each) == 0);
    }
    DropCacheStatus without = DropCacheStatus::SUCCESS;
    {
        const few_descriptors_left limit(0);
        without = drop_videos_cache(files);
    }
    CHECK(without == DropCacheStatus::FILE_OPEN_FAILED);
}

TEST_CASE("a large file is evicted whole, by as many threads as there are") {
    const temporary_folder folder;
    const std::string path = write_warm(folder / "large.mp4", 150 * mebibyte + 17, page);
    CHECK(drop_videos_cache({path.c_str()}) == DropCacheStatus::SUCCESS);
    CHECK(resident_bytes(path) < most_in_reclaim);
}

}  // namespace
