// SPDX-License-Identifier: Apache-2.0
// Tests: What /proc and /sys tell: texts of the kernel, cgroups, and who holds a file.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "accv_cache/detail/proc/cgroup.hpp"
#include "accv_cache/detail/proc/kernel_text.hpp"
#include "accv_cache/detail/proc/mount_line.hpp"
#include "accv_cache/drop.hpp"
#include "accv_cache/holders.hpp"
#include "support.hpp"

namespace {

using namespace accv_cache::detail;
using namespace accv_cache::test;

TEST_CASE("lines are those between newlines") {
    std::vector<std::string> lines;
    for_each_line("one\n\ntwo\nthree", [&](std::string_view line) { lines.emplace_back(line); });
    CHECK(lines == std::vector<std::string>{"one", "", "two", "three"});
    for_each_line("", [](std::string_view) { FAIL("an empty text has no line"); });
}

TEST_CASE("a small file is read whole, and a missing one is empty") {
    const temporary_folder folder;
    const std::string path = write_dirty(folder / "text", 10'000);
    CHECK(read_small_file(path) == content(path));
    std::string text = "old";
    CHECK_FALSE(read_small_file((folder / "missing").c_str(), text));
    CHECK(text.empty());
}

TEST_CASE("a file of the kernel that cannot be read says why") {
    std::string text = "old";
    CHECK(read_kernel_text("/missing", text) == ENOENT);
    CHECK(read_kernel_text("/", text) == EISDIR);
    CHECK(text.empty());
}

TEST_CASE("a number is found by the whole name of its line") {
    CHECK(named_number("kernel_stack 3\nkernel 120\n", "kernel") == 120);
    CHECK(named_number("MemTotal:       16384 kB\n", "MemTotal:") == 16384);
    CHECK_FALSE(named_number("kernel\nkernel max\n", "kernel"));
    CHECK_FALSE(named_number("", "kernel"));
}

TEST_CASE("a name is found in a list only whole") {
    CHECK(is_listed("cpu,cpuacct", "cpu"));
    CHECK(is_listed("cpu,cpuacct", "cpuacct"));
    CHECK_FALSE(is_listed("cpuset,cpuacct", "cpu"));
    CHECK_FALSE(is_listed("", "cpu"));
}

TEST_CASE("the ancestors of a cgroup end with the mount") {
    std::vector<std::string> seen;
    const auto visit = [&](const std::string& folder) { seen.push_back(folder); };
    for_each_ancestor({"/sys/fs/cgroup", "/sys/fs/cgroup/a/b", true}, visit);
    CHECK(seen ==
          std::vector<std::string>{"/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a", "/sys/fs/cgroup"});
    seen.clear();
    for_each_ancestor({"/sys/fs/cgroup", "/sys/fs/cgroup", true}, visit);
    CHECK(seen == std::vector<std::string>{"/sys/fs/cgroup"});
    seen.clear();
    for_each_ancestor({"", "/a", true}, visit);
    CHECK(seen == std::vector<std::string>{"/a", ""});
}

TEST_CASE("escapes of mountinfo are undone") {
    CHECK(unescaped(R"(/a\040b\134c\011)") == "/a b\\c\t");
    CHECK(unescaped(R"(/a\x2db\04)") == R"(/a\x2db\04)");
    CHECK(unescaped("").empty());
}

TEST_CASE("a cgroup is below the root of a mount, or it is not") {
    const auto route = [](const char* path, const char* root) {
        const auto found = route_to(path, root);
        return found ? std::to_string(found->unnamed) + std::string(found->rest) : "none";
    };
    CHECK(route("", "") == "0");
    CHECK(route("/a/b", "") == "0/a/b");
    CHECK(route("/a/b", "/a") == "0/b");
    CHECK(route("/ab", "/a") == "none");
    CHECK(route("", "/a") == "none");
    CHECK(route("", "/..") == "1");
    CHECK(route("/a", "/../..") == "2/a");
    CHECK(route("/../b", "/..") == "0/b");
    CHECK(route("/../b/c", "/../b") == "0/c");
    CHECK(route("/../b", "/../..") == "1/b");
    CHECK(route("/../b", "") == "none");
    CHECK(route("", "/../b") == "none");
    CHECK(route("/..b", "") == "0/..b");
}

TEST_CASE("a process that holds a file is found") {
    const temporary_folder folder;
    const std::string one = write_dirty(folder / "a name\nwith more", mebibyte);
    const std::string two = write_dirty(folder / "two", mebibyte);
    CHECK(accv_cache::holders({one, two, folder / "missing"}).holders.empty());

    SUBCASE("that has it mapped") {
        const mapped_file mapping(two);
        const auto found = accv_cache::holders({one, two}).holders;
        REQUIRE(found.size() == 1);
        CHECK(found[0].process == ::getpid());
        CHECK(found[0].command == "tests_of_calls");
        CHECK(found[0].file == 1);
        CHECK(found[0].mapped_bytes == mebibyte);
        CHECK_FALSE(found[0].open);
    }
    SUBCASE("that has it open, by each name given") {
        const open_descriptor file(one);
        const auto found = accv_cache::holders({one, two, one}).holders;
        REQUIRE(found.size() == 2);
        CHECK(found[0].file == 0);
        CHECK(found[1].file == 2);
        CHECK(found[1].open);
        CHECK(found[1].mapped_bytes == 0);
    }
    SUBCASE("that holds a file that was dropped, and then replaced") {
        const mapped_file mapping(one);
        const open_descriptor file(one);
        const auto named = accv_cache::drop({two, folder / "missing", one});
        std::filesystem::remove(one);
        write_dirty(one, mebibyte);
        CHECK(accv_cache::holders({one}).holders.empty());
        const auto lent = accv_cache::drop(file.get());
        for (const auto& found : {accv_cache::holders(named), accv_cache::holders(lent),
                                  accv_cache::holders(file.get())}) {
            REQUIRE(found.holders.size() == 1);
            CHECK(found.holders[0].process == ::getpid());
            CHECK(found.holders[0].mapped_bytes == mebibyte);
            CHECK(found.holders[0].open);
        }
        CHECK(accv_cache::holders(named).holders[0].file == 2);
        CHECK(accv_cache::holders(accv_cache::drop_report()).holders.empty());
    }
    SUBCASE("that is another process") {
        int wait_here[2];
        int ready[2];
        need(::pipe(wait_here) == 0 && ::pipe(ready) == 0, "make pipes");
        const pid_t child = ::fork();
        if (child == 0) {
            ::close(wait_here[1]);
            const mapped_file mapping(one);
            const open_descriptor file(two);
            char letter = 'r';
            if (::write(ready[1], &letter, 1) != 1) ::_exit(1);
            ::_exit(::read(wait_here[0], &letter, 1) == 0 ? 0 : 1);
        }
        char letter = 0;
        need(::read(ready[0], &letter, 1) == 1, "wait for its child");
        const auto found = accv_cache::holders({one, two}).holders;
        for (const int each : {wait_here[0], wait_here[1], ready[0], ready[1]}) ::close(each);
        ::waitpid(child, nullptr, 0);
        REQUIRE(found.size() == 2);
        for (const auto& each : found) {
            CHECK(each.process == child);
            CHECK(each.mapped_bytes == (each.file == 0 ? mebibyte : 0));
            CHECK(each.open == (each.file == 1));
        }
    }
}

}  // namespace
