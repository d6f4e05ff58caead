// SPDX-License-Identifier: Apache-2.0
// Tests: `cache_budget`, also where a system call fails.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "accv_cache/cache_budget.hpp"
#include "accv_cache/query.hpp"
#include "faults/errors.hpp"
#include "faults/hook.hpp"
#include "support.hpp"

namespace budgets {

using namespace accv_cache::test;
using accv_cache::cache_budget;

constexpr std::int64_t size = 16 * 4096;

void evict(const std::string& path) {
    need(::posix_fadvise(open_descriptor(path).get(), 0, 0, POSIX_FADV_DONTNEED) == 0, "evict");
}

std::string write_cold(const std::string& path) {
    evict(write_warm(path, size));
    return path;
}

void pass_through(cache_budget& budget, const std::string& path) {
    const auto use = budget.use(path);
    warm_again({path});
}

TEST_CASE("the least recently used file is evicted") {
    const temporary_folder folder;
    const std::string first = write_cold(folder / "first");
    const std::string second = write_cold(folder / "second");
    const std::string third = write_cold(folder / "third");
    cache_budget budget(2 * size);
    for (const std::string& each : {first, second, first, third}) pass_through(budget, each);
    CHECK(resident_bytes(second) == 0);
    CHECK(kept_bytes(first) + kept_bytes(third) == 2 * size);
    CHECK(budget.used_bytes() == 2 * size);
    CHECK(budget.dropped_bytes() == size);
    budget.close();
    CHECK(resident_bytes(first) + resident_bytes(third) == 0);
    CHECK(budget.use(first).error() == EBADF);
}

TEST_CASE("a file that was wholly resident is not counted again after its next use") {
    const temporary_folder folder;
    const std::string path = write_cold(folder / "clip");
    cache_budget budget(size);
    pass_through(budget, path);
    int counted = 0;
    {
        const hooked_calls counting([&](const call_site& site) {
            counted += std::string_view(site.name) == "cachestat" ? 1 : 0;
            return 0;
        });
        pass_through(budget, path);
    }
    CHECK(counted == 0);
    CHECK(budget.used_bytes() == size);
}

TEST_CASE("files that cannot be measured hold more together than a number can hold") {
    constexpr std::int64_t huge = std::int64_t{1} << 62;
    const sparse_file files[] = {sparse_file(huge), sparse_file(huge), sparse_file(huge)};
    // A file in memory would not count.
    const hooked_calls hooked([](const call_site& site) {
        if (std::string_view(site.name) == "fstatfs") return EIO;
        const bool is_of_a_file = site.about.folder >= 0;
        return std::string_view(site.name) == "cachestat" && is_of_a_file ? EPERM : 0;
    });
    cache_budget budget(INT64_MAX);
    for (const sparse_file& each : files) CHECK(budget.use(each.path()).error() == 0);
    CHECK(budget.used_bytes() == INT64_MAX);
    CHECK(budget.dropped_bytes() == 0);
    budget.close();
    CHECK(budget.used_bytes() == 0);
    CHECK(budget.dropped_bytes() == INT64_MAX);
}

TEST_CASE("what others have evicted makes room, and nothing else need go") {
    const temporary_folder folder;
    const std::string first = write_cold(folder / "first");
    const std::string second = write_cold(folder / "second");
    const std::string third = write_cold(folder / "third");
    cache_budget budget(2 * size);
    for (const std::string& each : {first, second}) pass_through(budget, each);
    evict(first);
    pass_through(budget, third);
    CHECK(kept_bytes(second) + kept_bytes(third) == 2 * size);
    CHECK(budget.used_bytes() == 2 * size);
    CHECK(budget.dropped_bytes() == 0);
}

TEST_CASE("what is in use stays, until its guard leaves, is replaced or destroyed") {
    const temporary_folder folder;
    const std::string first = write_cold(folder / "first");
    const std::string second = write_cold(folder / "second");
    cache_budget budget(0);
    auto use = budget.use(first);
    CHECK(use.error() == 0);
    warm_again({first, second});
    pass_through(budget, second);
    CHECK(kept_bytes(first) == size);
    SUBCASE("leaves") {
        use.leave();
        use.leave();
    }
    SUBCASE("is replaced") { use = budget.use(second); }
    SUBCASE("is moved and destroyed") { const auto moved = std::move(use); }
    CHECK(resident_bytes(first) == 0);
}

TEST_CASE("ranges in use stay, each until its own end") {
    const temporary_folder folder;
    const std::string path = write_cold(folder / "shard");
    cache_budget budget(0);
    auto first = budget.use(path, 0, 4 * page);
    auto again = budget.use(path, 0, 4 * page);
    evict(write_warm(path, size, page));  // in folios of one page
    warm_again({path});
    again.leave();
    CHECK(kept_bytes(path, 0, 4 * page) == 4 * page);
    first.leave();
    CHECK(resident_bytes(path) == 0);
}

TEST_CASE("what was resident before, or when the report was made, stays") {
    const temporary_folder folder;
    const std::string warm = write_dirty(folder / "warm", size);  // it is not reclaimed
    const std::string ahead = write_cold(folder / "ahead");
    cache_budget budget(0);
    pass_through(budget, warm);
    CHECK(kept_bytes(warm) == size);

    accv_cache::query_options with_spans;
    with_spans.spans = true;
    const auto report = accv_cache::query({warm, ahead}, with_spans);
    warm_again({ahead});
    cache_budget since(0, 1, &report);
    for (const std::string& each : {warm, ahead}) pass_through(since, each);
    CHECK(kept_bytes(warm) == size);
    CHECK(resident_bytes(ahead) == 0);
}

TEST_CASE("a use that cannot begin says why") {
    const temporary_folder folder;
    const std::string path = write_warm(folder / "clip", size);
    cache_budget budget(-1, 0);
    CHECK(budget.use(folder / "missing").error() == ENOENT);
    CHECK(budget.use(path + std::string("\0", 1)).error() == EINVAL);
    CHECK(budget.use(path, -1).error() == EINVAL);
    CHECK(budget.use(path, 0, 0).error() == EINVAL);
    const auto without_spans = accv_cache::query(path);
    CHECK(cache_budget(0, 1, &without_spans).use(path).error() == EINVAL);
    CHECK(kept_bytes(path) == size);
}

TEST_CASE("a forked child starts empty, and ends no use of its parent") {
    const temporary_folder folder;
    const std::string ours = write_cold(folder / "ours");
    const std::string theirs = write_cold(folder / "theirs");
    cache_budget budget(0);
    auto use = budget.use(ours);
    warm_again({ours});
    const int differs = in_child([&] {
        const bool is_empty = budget.used_bytes() == 0;
        use.leave();
        pass_through(budget, theirs);
        return is_empty && kept_bytes(ours) == size && budget.dropped_bytes() == size ? 0 : 1;
    });
    CHECK(differs == 0);
    CHECK(kept_bytes(ours) == size);
    use.leave();
    CHECK(resident_bytes(ours) + resident_bytes(theirs) == 0);
    CHECK(budget.dropped_bytes() == size);
}

TEST_CASE("threads share it") {
    const temporary_folder folder;
    std::vector<std::string> paths;
    for (int i = 0; i != 6; ++i) paths.push_back(write_cold(folder / std::to_string(i)));
    cache_budget budget(2 * size);
    std::vector<std::thread> workers;
    for (std::size_t first = 0; first != 4; ++first)
        workers.emplace_back([&, first] {
            for (std::size_t i = 0; i != 60; ++i)
                pass_through(budget, paths[(first + i * (first + 1)) % paths.size()]);
        });
    for (std::thread& each : workers) each.join();
    std::int64_t held = 0;
    for (const std::string& each : paths) held += resident_bytes(each);
    CHECK(held <= budget.used_bytes());
    CHECK(budget.used_bytes() <= 2 * size);
}

// Whatever fails: what was resident before stays, what is in use stays, no descriptor is leaked,
// and the budget works afterwards.
TEST_CASE("each of its system calls fails with each errno") {
    const temporary_folder folder;
    const std::string before = write_warm(folder / "before", size);
    const std::string in_use = write_cold(folder / "in-use");
    const std::string path = write_cold(folder / "clip");
    for (const char* const name : {"open", "stat", "fstat", "statx", "fstatfs", "fcntl",
                                   "cachestat", "posix_fadvise", "close", "mmap", "mincore"}) {
        for (const int error : errors_of(name)) {
            CAPTURE(name);
            CAPTURE(error);
            const std::ptrdiff_t descriptors = open_descriptors();
            warm_again({before, in_use});
            {
                cache_budget budget(0);
                pass_through(budget, before);
                const auto use = budget.use(in_use);
                {
                    const hooked_calls failing([&](const call_site& site) {
                        return std::string_view(site.name) == name ? error : 0;
                    });
                    auto failed = budget.use(path);
                    CHECK((failed.error() == 0 || failed.error() == error));
                    failed.leave();
                    budget.close();
                }
                CHECK(kept_bytes(before) == size);
                CHECK(kept_bytes(in_use) == size);
            }
            CHECK(open_descriptors() == descriptors);
            cache_budget budget(0);
            evict(path);
            pass_through(budget, path);
            CHECK(resident_bytes(path) == 0);
        }
    }
}

}  // namespace budgets
