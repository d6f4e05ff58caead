// SPDX-License-Identifier: Apache-2.0
// Compiled as on another system: the public headers still compile, and touch no file.
#include <doctest/doctest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "accv_cache/accv_cache.hpp"

namespace {

using accv_cache::DropCacheStatus;

TEST_CASE("drop_videos_cache gives PLATFORM_ERROR, but for an empty list") {
    CHECK(accv_cache::drop_videos_cache({"missing.mp4"}) == DropCacheStatus::PLATFORM_ERROR);
    CHECK(accv_cache::drop_videos_cache(std::vector<std::string>{}) == DropCacheStatus::SUCCESS);
}

TEST_CASE("drop gives PLATFORM_ERROR for every file") {
    const auto report = accv_cache::drop({"one", "two"});
    CHECK(report.size() == 2);
    CHECK(report.path(1) == "two");
    CHECK(report[1].status == DropCacheStatus::PLATFORM_ERROR);
    CHECK(report.totals().failed_files == 2);
    CHECK(accv_cache::drop(0).status() == DropCacheStatus::PLATFORM_ERROR);
    CHECK(accv_cache::drop(std::vector<std::string>{}).ok());
}

TEST_CASE("query tells nothing, and why") {
    const auto report = accv_cache::query({"one", "two"});
    CHECK(report.size() == 2);
    CHECK(report[1].error == ENOSYS);
    CHECK_FALSE(report[1].resident_bytes.has_value());
}

TEST_CASE("prefetch gives PLATFORM_ERROR for every file") {
    CHECK(accv_cache::prefetch({"one", "two"})[1].status == DropCacheStatus::PLATFORM_ERROR);
    CHECK(accv_cache::prefetch(0).status() == DropCacheStatus::PLATFORM_ERROR);
    CHECK(accv_cache::prefetch({}).ok());
    const auto restored = accv_cache::prefetch(accv_cache::query({"one"}));
    CHECK(restored.path(0) == "one");
    CHECK(restored.status() == DropCacheStatus::PLATFORM_ERROR);
}

TEST_CASE("a cache_budget does nothing, and says why") {
    accv_cache::cache_budget budget(0, 2);
    auto use = budget.use("one");
    CHECK(use.error() == ENOSYS);
    use.leave();
    budget.close();
    CHECK(budget.used_bytes() + budget.dropped_bytes() == 0);
}

TEST_CASE("nothing is known of memory") {
    CHECK_FALSE(accv_cache::cgroup_memory().has_value());
    CHECK_FALSE(accv_cache::cgroup_memory(1).has_value());
    CHECK_FALSE(accv_cache::cgroup_memory("/sys/fs/cgroup").has_value());
    CHECK_FALSE(accv_cache::memory_limit().has_value());
    CHECK_FALSE(accv_cache::machine_memory().has_value());
}

TEST_CASE("holders finds nobody") {
    CHECK(accv_cache::holders({"one"}).holders.empty());
    CHECK(accv_cache::holders(0).holders.empty());
    CHECK(accv_cache::holders(accv_cache::drop({"one"})).holders.empty());
}

}  // namespace
