// SPDX-License-Identifier: Apache-2.0
// Tests: The owners of descriptors and directories.
#include <dirent.h>
#include <doctest/doctest.h>
#include <fcntl.h>

#include <cerrno>
#include <set>
#include <string>
#include <utility>

#include "accv_cache/detail/file/descriptor.hpp"
#include "accv_cache/detail/file/open_directory.hpp"
#include "support.hpp"

namespace {

using namespace accv_cache::detail;
using namespace accv_cache::test;

TEST_CASE("a descriptor is closed once, by its last owner") {
    const auto before = open_descriptors();
    {
        descriptor one = descriptor::open("/dev/null");
        CHECK(one);
        CHECK(one.error() == 0);
        descriptor two = std::move(one);
        CHECK_FALSE(one);
        one = std::move(two);
        CHECK(one);
        CHECK(open_descriptors() == before + 1);
        one = descriptor::open("/dev/null");
        CHECK(open_descriptors() == before + 1);
        CHECK((::fcntl(one.get(), F_GETFD) & FD_CLOEXEC) != 0);
    }
    CHECK(open_descriptors() == before);
    CHECK(descriptor::open("/missing").error() == ENOENT);
}

TEST_CASE("a directory names what is in it") {
    const temporary_folder folder;
    write_dirty(folder / "clip", 1);
    write_dirty(folder / ".hidden", 1);
    const auto before = open_descriptors();
    {
        const open_directory directory(folder.path().c_str());
        REQUIRE(directory);
        std::set<std::string> names;
        CHECK(directory.for_each_entry([&](const dirent& entry) { names.insert(entry.d_name); }) ==
              0);
        CHECK(names == std::set<std::string>{"clip", ".hidden"});
    }
    CHECK(open_descriptors() == before);
    CHECK(open_directory((folder / "clip").c_str()).error() == ENOTDIR);
    CHECK(open_directory("/missing").error() == ENOENT);
}

}  // namespace
