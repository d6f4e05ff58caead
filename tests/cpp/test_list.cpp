// SPDX-License-Identifier: Apache-2.0
// Tests: Lists of paths, and the patterns of a walk.
#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <vector>

#include "accv_cache/detail/list/path_list.hpp"
#include "accv_cache/detail/list/pattern.hpp"

namespace {

using namespace accv_cache::detail;

TEST_CASE("a path list gives back what was put in") {
    const std::vector<std::string> paths = {"a", "", std::string("b\0c", 3), "/x/\xff", ""};
    path_list list;
    for (const std::string& each : paths) list.append(each);
    REQUIRE(list.size() == paths.size());
    for (std::size_t i = 0; i != paths.size(); ++i) {
        CHECK(list.text(i) == paths[i]);
        CHECK(std::string(list[i]) == paths[i].c_str());
        CHECK(list.has_nul(i) == (i == 2));
    }
}

TEST_CASE("a pattern without a slash matches the last part of a path, one with a slash all of it") {
    CHECK(matches("*.mp4", "a.mp4"));
    CHECK(matches("*.mp4", "deep/a.mp4"));
    CHECK_FALSE(matches("deep", "deep/a.mp4"));
    CHECK(matches("deep/*", "deep/deeper/a.mp4"));
    CHECK_FALSE(matches("deep/*", "a.mp4"));
    CHECK_FALSE(matches("*/a.mp4", "a.mp4"));
}

TEST_CASE("a pattern may be what a shell completes") {
    CHECK(matches("deep/", "deep"));
    CHECK(matches("deep//", "far/deep"));
    CHECK(matches("./deep", "deep"));
    CHECK(matches(".//./deep/", "./deep"));
    CHECK_FALSE(matches("./deep", "far/deep"));
    CHECK_FALSE(matches("deep/", "deeper"));
    CHECK_FALSE(matches("", "deep"));
    CHECK(matches("/", "/"));
    CHECK(matches(".", "deep/."));
    CHECK_FALSE(matches("deep", "deep/a.mp4"));
}

TEST_CASE("a pattern is one of fnmatch(3)") {
    CHECK(matches("[^a]*", "b.mp4"));
    CHECK_FALSE(matches("[^a]*", "a.mp4"));
    CHECK_FALSE(matches("[!a]*", "a.mp4"));
    CHECK(matches("\\*", "*"));
    CHECK_FALSE(matches("\\*", "a"));
    CHECK(matches("*", ".hidden"));
}

}  // namespace
