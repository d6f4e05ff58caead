// SPDX-License-Identifier: Apache-2.0
// Tests walks in trees that change meanwhile, and with failing system calls.
#include <dirent.h>
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "accv_cache/detail/file/open_directory.hpp"
#include "accv_cache/detail/list/directory_walk.hpp"
#include "accv_cache/detail/list/target_list.hpp"
#include "support.hpp"

namespace {

/// What the calls below do instead of calling the system: returns 0 to let it be called.
std::function<int(DIR*)> before_readdir;
std::function<int(long)> before_syscall;

template <class Function>
Function real(const char* name) {
    return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

// Replaces functions of the C library that the core calls.
extern "C" dirent* readdir(DIR* directory) noexcept(noexcept(::readdir(directory))) {
    const int error = before_readdir ? before_readdir(directory) : 0;
    if (error == 0) return real<dirent* (*)(DIR*)>("readdir")(directory);
    errno = error;
    return nullptr;
}

extern "C" long syscall(long number, ...) noexcept {
    va_list list;
    va_start(list, number);
    long given[6];
    for (long& each : given) each = va_arg(list, long);
    va_end(list);
    const int error = before_syscall ? before_syscall(number) : 0;
    if (error == 0)
        return real<long (*)(long, ...)>("syscall")(number, given[0], given[1], given[2], given[3],
                                                    given[4], given[5]);
    errno = error;
    return -1;
}

namespace {

using namespace accv_cache::detail;
using namespace accv_cache::test;
using accv_cache::skip_reason;
using accv_cache::walk_options;

/// Restores the system calls.
struct calls_again {
    ~calls_again() {
        before_readdir = nullptr;
        before_syscall = nullptr;
    }
};

/// Called right before each directory is listed.
struct meanwhile {
    std::function<void(int)> act;
    int calls = 0;
    int served = 0;
    int most_served = 1'000'000;

    bool operator()() {
        if (act) act(calls);
        ++calls;
        return true;
    }
    bool serve() { return ++served < most_served; }
};

using walk = directory_walk<meanwhile>;

std::set<std::string> names(const walk& walked) {
    std::set<std::string> found;
    for (std::size_t i = 0; i != walked.files().size(); ++i)
        found.insert(std::filesystem::path(walked.files().text(i)).filename());
    return found;
}

target_list targets_of(const walk& walked) {
    target_list targets;
    for (std::size_t i = 0; i != walked.files().size(); ++i)
        targets.append_found(walked.files().text(i), walked.directory(), walked.inodes()[i]);
    return targets;
}

/// Replaces something by a link to `place`.
void swap_for_link(const std::string& name, const std::string& place) {
    std::filesystem::rename(name, name + ".moved");
    std::filesystem::create_symlink(place, name);
}

/// A tree, and a place outside that the walk must not reach.
struct tree {
    temporary_folder root;
    temporary_folder outside;
    std::string secret = write_warm(outside / "clip", page);
    std::string clip;

    tree() {
        std::filesystem::create_directories(root / "a/b");
        std::filesystem::create_directory(outside / "b");
        write_warm(outside / "b/clip", page);
        clip = write_warm(root / "a/b/clip", page);
    }
};

TEST_CASE("a directory that is swapped for a link before it is listed leads nowhere") {
    const tree files;
    const walk_options options;
    for (const char* const swapped : {"a", "a/b"}) {
        CAPTURE(swapped);
        const int listed_before = std::string(swapped) == "a" ? 1 : 2;
        meanwhile tick;
        tick.act = [&](int calls) {
            if (calls == listed_before) swap_for_link(files.root / swapped, files.outside.path());
        };
        walk walked(options, tick);
        CHECK(walked.run(files.root.path()));
        CHECK(names(walked).empty());
        REQUIRE(walked.unlistable().size() == 1);
        CHECK(walked.unlistable()[0].path == files.root / swapped);
        CHECK(walked.unlistable()[0].error == ELOOP);
        std::filesystem::remove(files.root / swapped);
        std::filesystem::rename(files.root / swapped + ".moved", files.root / swapped);
    }
}

TEST_CASE("a directory above one that is swapped for a link leads nowhere") {
    const tree files;
    const walk_options options;
    meanwhile tick;
    tick.act = [&](int calls) {
        if (calls == 2) swap_for_link(files.root / "a", files.outside.path());
    };
    walk walked(options, tick);
    CHECK(walked.run(files.root.path()));
    CHECK(names(walked).empty());
    REQUIRE(walked.unlistable().size() == 1);
    CHECK(walked.unlistable()[0].path == files.root / "a/b");
}

TEST_CASE("what was found is opened below its directory, and must be the file that was found") {
    const tree files;
    const calls_again after;
    const walk_options options;
    meanwhile tick;
    walk walked(options, tick);
    REQUIRE(walked.run(files.root.path()));
    REQUIRE(names(walked) == std::set<std::string>{"clip"});
    const target_list targets = targets_of(walked);
    const auto refuse_openat2 = [](int error) {
        before_syscall = [error](long number) { return number == sys::openat2_number ? error : 0; };
    };

    int unavailable = 0;
    SUBCASE("by openat2(2)") {}
    SUBCASE("on Linux before 5.6") { unavailable = ENOSYS; }
    SUBCASE("where a sandbox refuses it") { unavailable = EPERM; }
    if (unavailable != 0) refuse_openat2(unavailable);
    CHECK(targets.open(0).error == 0);

    std::filesystem::rename(files.clip, files.clip + ".moved");
    CHECK(targets.open(0).error == ENOENT);
    std::filesystem::create_symlink(files.secret, files.clip);
    CHECK(targets.open(0).error == ELOOP);
    std::filesystem::remove(files.clip);
    write_dirty(files.clip, page);
    CHECK(targets.open(0).error == ESTALE);
    std::filesystem::remove(files.clip);
    need(::mkfifo(files.clip.c_str(), 0644) == 0, "make a FIFO");
    CHECK(targets.open(0).error == ESTALE);
    std::filesystem::remove(files.clip);
    std::filesystem::create_directory(files.clip);
    CHECK(targets.open(0).error == ESTALE);
    std::filesystem::remove(files.clip);
    std::filesystem::rename(files.clip + ".moved", files.clip);
    CHECK(targets.open(0).error == 0);

    swap_for_link(files.root / "a", files.outside.path());
    CHECK(targets.open(0).error == (unavailable == 0 ? ELOOP : ENOTDIR));
}

TEST_CASE("a directory that was walked and is another one now is not looked into") {
    const tree files;
    const walk_options options;
    meanwhile tick;
    walk walked(options, tick);
    REQUIRE(walked.run(files.root / "a"));
    const target_list targets = targets_of(walked);
    swap_for_link(files.root / "a", files.outside.path());
    CHECK(targets.open(0).error == ESTALE);
}

TEST_CASE("files found below several directories, between others, are each opened below theirs") {
    const tree files;
    const temporary_folder other;
    write_warm(other / "clip", page);
    const walk_options options;
    target_list targets;
    for (int round = 0; round != 2; ++round)
        for (const std::string& root : {files.root.path() + '/', other.path()}) {
            meanwhile tick;
            walk walked(options, tick);
            REQUIRE(walked.run(root));
            targets.append_found(walked.files().text(0), walked.directory(), walked.inodes()[0]);
            targets.append(files.secret);
        }
    target_list copied;
    copied.append("not there");
    for (std::size_t i = 0; i != targets.size(); ++i) copied.append(targets, i);
    std::filesystem::remove(other / "clip");
    std::filesystem::create_symlink(files.secret, other / "clip");
    for (std::size_t i = 0; i != targets.size(); ++i) {
        CAPTURE(i);
        const int expected = i == 2 || i == 6 ? ELOOP : 0;
        CHECK(targets.open(i).error == expected);
        CHECK(copied.open(i + 1).error == expected);
    }
    CHECK(copied.open(0).error == ENOENT);
}

TEST_CASE("links are followed where that is asked for") {
    const tree files;
    std::filesystem::create_directory_symlink(files.outside.path(), files.root / "link");
    walk_options options;
    options.follow_symlinks = true;
    meanwhile tick;
    walk walked(options, tick);
    CHECK(walked.run(files.root.path()));
    CHECK(walked.files().size() == 3);
}

TEST_CASE("a path may be longer than the system takes at once") {
    const temporary_folder root;
    const std::string name(200, 'd');
    std::string path = root.path();
    int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY);
    while (path.size() < 3 * PATH_MAX) {
        need(::mkdirat(folder, name.c_str(), 0700) == 0, "make a folder");
        const int inner = ::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY);
        ::close(folder);
        folder = inner;
        path += '/' + name;
    }
    need(::close(::openat(folder, "clip", O_CREAT | O_WRONLY, 0600)) == 0, "write a file");
    ::close(folder);
    const walk_options options;
    meanwhile tick;
    walk walked(options, tick);
    CHECK(walked.run(root.path()));
    CHECK(walked.unlistable().empty());
    REQUIRE(walked.files().size() == 1);
    CHECK(walked.files().text(0) == path + "/clip");
    CHECK(targets_of(walked).open(0).error == 0);
}

TEST_CASE("a tree deeper than the limit of open files is walked with few of them") {
    const temporary_folder root;
    std::string path = root.path();
    for (int i = 0; i != 100; ++i) path += "/d";
    std::filesystem::create_directories(path);
    write_warm(path + "/clip", page);
    const walk_options options;
    meanwhile tick;
    walk walked(options, tick);
    const few_descriptors_left few(2);
    CHECK(walked.run(root.path()));
    CHECK(walked.unlistable().empty());
    REQUIRE(walked.files().size() == 1);
    CHECK(targets_of(walked).open(0).error == EMFILE);  // the walk still holds one
}

TEST_CASE("a directory is listed again when a signal has interrupted that") {
    const tree files;
    const calls_again after;
    const walk_options options;
    meanwhile tick;
    int interruptions = 0;

    SUBCASE("while it was opened") {
        before_syscall = [&](long number) {
            return number == sys::openat2_number && interruptions++ < 3 ? EINTR : 0;
        };
    }
    SUBCASE("while it was read") {
        before_readdir = [&](DIR*) { return interruptions++ < 3 ? EINTR : 0; };
    }
    walk walked(options, tick);
    CHECK(walked.run(files.root.path()));
    CHECK(walked.unlistable().empty());
    CHECK(names(walked) == std::set<std::string>{"clip"});
    CHECK(tick.served == 3);
}

TEST_CASE("a directory that is always interrupted is an error, not for ever tried again") {
    const tree files;
    const calls_again after;
    const walk_options options;
    meanwhile tick;
    before_syscall = [](long number) { return number == sys::openat2_number ? EINTR : 0; };
    walk walked(options, tick);
    CHECK(walked.run(files.root.path()));
    REQUIRE(walked.unlistable().size() == 1);
    CHECK(walked.unlistable()[0].error == EINTR);
    target_list targets;
    targets.append_unlistable(walked.unlistable()[0].path, walked.unlistable()[0].error);
    CHECK(targets.open(0).error == EINTR);
}

TEST_CASE("a signal that says stop ends a walk that is interrupted") {
    const tree files;
    const calls_again after;
    const walk_options options;
    meanwhile tick;
    tick.most_served = 1;
    before_readdir = [](DIR*) { return EINTR; };
    walk walked(options, tick);
    CHECK_FALSE(walked.run(files.root.path()));
}

TEST_CASE("an error that was there before is not one of the directory") {
    const temporary_folder folder;
    write_warm(folder / "one", page);
    write_warm(folder / "two", page);
    const open_directory directory(folder.path().c_str());
    int seen = 0;
    CHECK(directory.for_each_entry([&](const dirent&) {
        ++seen;
        errno = ENOMEM;
    }) == 0);
    CHECK(seen == 2);
}

TEST_CASE("an error of reading is that of the directory") {
    const tree files;
    const calls_again after;
    const walk_options options;
    meanwhile tick;
    before_readdir = [](DIR*) { return EIO; };
    walk walked(options, tick);
    CHECK(walked.run(files.root.path()));
    REQUIRE(walked.unlistable().size() == 1);
    CHECK(walked.unlistable()[0].path == files.root.path());
    CHECK(walked.unlistable()[0].error == EIO);
}

TEST_CASE("where a mount cannot be told, no directory is taken for another file system") {
    const tree files;
    const calls_again after;
    const walk_options options;
    int calls = 0;
    for (int failing = 0; failing != 3; ++failing)
        for (const int error : {ENOMEM, EPERM, ENOSYS}) {
            CAPTURE(failing);
            CAPTURE(error);
            calls = 0;
            before_syscall = [&](long number) {
                return number == sys::statx_number && calls++ == failing ? error : 0;
            };
            meanwhile tick;
            walk walked(options, tick);
            CHECK(walked.run(files.root.path()));
            CHECK(walked.skipped().empty());
            if (error == ENOMEM) {
                REQUIRE(walked.unlistable().size() == 1);
                CHECK(walked.unlistable()[0].error == ENOMEM);
            } else {
                CHECK(names(walked) == std::set<std::string>{"clip"});
            }
        }
}

}  // namespace
