// SPDX-License-Identifier: Apache-2.0
// `prefetch` where system calls are refused, the disk fails, or files change meanwhile.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "accv_cache/prefetch.hpp"
#include "faults/errors.hpp"
#include "faults/hook.hpp"
#include "support.hpp"

namespace {

using namespace accv_cache::test;
using accv_cache::failed_step;
using accv_cache::prefetch;
using accv_cache::prefetch_options;
using accv_cache::prefetch_report;

constexpr std::int64_t size = 9 * mebibyte;

/// A file that is written back and not resident, in folios of one page.
std::string write_cold(const std::string& path, std::int64_t bytes = size) {
    write_warm(path, bytes, page);
    need(::posix_fadvise(open_descriptor(path).get(), 0, 0, POSIX_FADV_DONTNEED) == 0, "evict");
    return path;
}

ino_t inode_of(const std::string& path) {
    struct stat status{};
    need(::stat(path.c_str(), &status) == 0, "look at its file");
    return status.st_ino;
}

bool is(const call_site& site, std::string_view name) { return site.name == name; }

/// Calls that are refused with an errno on an older kernel, by a file system or by a filter.
struct refusal {
    std::vector<std::string_view> calls;
    std::vector<int> errors;
};

/// Loads a file from `offset` on while these calls fail.
prefetch_report prefetch_without(const std::vector<std::string_view>& calls, int error,
                                 const std::string& path, std::int64_t offset) {
    const hooked_calls hooked([&](const call_site& site) {
        return std::find(calls.begin(), calls.end(), site.name) != calls.end() ? error : 0;
    });
    prefetch_options options;
    options.offset = offset;
    return prefetch(path, options);
}

TEST_CASE("a file is loaded whatever is refused") {
    const refusal refusals[] = {
        {{"madvise"}, {EINVAL, ENOSYS, EPERM, EAGAIN, ENOMEM, EFAULT}},
        {{"mmap"}, {ENODEV, EACCES, ENOMEM, EPERM}},
        {{"posix_fadvise"}, {ENOSYS, EPERM, EINVAL}},
        {{"madvise", "posix_fadvise"}, {ENOSYS, EPERM}},
        {{"cachestat"}, {ENOSYS, EPERM}},
        {{"cachestat", "madvise"}, {ENOSYS, EPERM}},
        {{"lseek"}, {EINVAL, EOVERFLOW}},
    };
    const temporary_folder folder;
    for (const refusal& each : refusals)
        for (const int error : each.errors)
            for (const std::int64_t offset : {std::int64_t{0}, 3 * page}) {
                CAPTURE(std::string(each.calls.front()));
                CAPTURE(error);
                const std::string clip = write_cold(folder / "clip");
                const prefetch_report report = prefetch_without(each.calls, error, clip, offset);
                CHECK(report.ok());
                CHECK(report[0].missing.total() == 0);
                CHECK(kept_bytes(clip, offset) == size - offset);
            }
}

TEST_CASE("one kind of advice is refused: huge pages are not built in") {
    const temporary_folder folder;
    const std::string clip = write_cold(folder / "clip");
    int advice = 0;
    {
        // In each step the second advice is that about huge pages.
        const hooked_calls hooked([&](const call_site& site) {
            return is(site, "madvise") && ++advice % 3 == 2 ? EINVAL : 0;
        });
        CHECK(prefetch(clip).totals().loaded_bytes() == size);
    }
    CHECK(advice == 6);  // two steps, and nothing was copied
    CHECK(kept_bytes(clip) == size);
}

TEST_CASE("an error of the disk is the file's error, and the other files are loaded") {
    const temporary_folder folder;
    for (const int error : errors_of("pread")) {
        if (error == EINTR) continue;
        CAPTURE(error);
        const std::string bad = write_cold(folder / "bad");
        const std::string good = write_cold(folder / "good");
        const ino_t inode = inode_of(bad);
        int steps = 0;
        prefetch_options options;
        options.workers = 1;
        const prefetch_report report = [&] {
            const hooked_calls hooked([&](const call_site& site) {
                if (is(site, "pread") && site.inode == inode) return error;
                const bool populates = is(site, "madvise") && ++steps % 3 == 0;
                return populates && steps == 6 ? EFAULT : 0;  // of the second step
            });
            return prefetch({bad, good}, options);
        }();
        CHECK(report[0].failed == failed_step::READ);
        CHECK(report[0].error == error);
        CHECK(report[0].loaded_bytes == 8 * mebibyte);
        CHECK(report[1].loaded_bytes == size);
        CHECK_FALSE(report.totals().loaded_bytes().has_value());
        CHECK(kept_bytes(good) == size);
    }
}

TEST_CASE("an interrupted step is tried again; one that always is, fails at last") {
    const temporary_folder folder;
    const std::string clip = write_cold(folder / "clip");
    int interruptions = 0;
    {
        const hooked_calls hooked([&](const call_site& site) {
            return is(site, "madvise") && ++interruptions % 3 == 0 && interruptions < 30 ? EINTR
                                                                                         : 0;
        });
        const prefetch_report report = prefetch(clip);
        CHECK(report.totals().loaded_bytes() == size);
        CHECK(report[0].missing.total() == 0);
    }
    CHECK(interruptions > 30);
    write_cold(clip);
    const hooked_calls hooked([&](const call_site& site) {
        return is(site, "madvise") && ++interruptions % 3 == 0 ? EINTR : 0;
    });
    interruptions = 0;
    CHECK(prefetch(clip)[0].error == EINTR);
}

TEST_CASE("a file that is truncated meanwhile is no error, and lacks nothing") {
    const temporary_folder folder;
    for (const std::int64_t rest : {std::int64_t{0}, 5 * page + 1, 8 * mebibyte}) {
        CAPTURE(rest);
        const std::string clip = write_cold(folder / "clip");
        bool done = false;
        const prefetch_report report = [&] {
            const hooked_calls hooked([&](const call_site& site) {
                if (is(site, "madvise") && !done) {
                    done = true;
                    std::filesystem::resize_file(clip, static_cast<std::uintmax_t>(rest));
                }
                return 0;
            });
            return prefetch(clip);
        }();
        CHECK(report.ok());
        CHECK(report[0].size_bytes == rest);
        CHECK(report[0].missing.total() == 0);
        CHECK(report[0].after_bytes == (rest + page - 1) / page * page);
        CHECK(*report[0].loaded_bytes <= *report[0].after_bytes);
    }
}

TEST_CASE("another file of the same name is not loaded") {
    const temporary_folder folder;
    const std::string clip = write_cold(folder / "clip");
    const std::string other = write_cold(folder / "other");
    bool done = false;
    const prefetch_report report = [&] {
        const hooked_calls hooked([](const call_site&) { return 0; },
                                  [&](const call_site& site) {
                                      if (!is(site, "close") || done) return;
                                      done = true;
                                      std::filesystem::rename(other, clip);
                                  });
        return prefetch(clip);
    }();
    CHECK(report[0].failed == failed_step::OPEN);
    CHECK(report[0].error == ESTALE);
    CHECK(resident_bytes(clip) == 0);
}

TEST_CASE("a hole that is punched meanwhile is no error") {
    const temporary_folder folder;
    const std::string clip = write_cold(folder / "clip");
    bool done = false;
    const prefetch_report report = [&] {
        const hooked_calls hooked([&](const call_site& site) {
            if (is(site, "madvise") && !done) {
                done = true;
                const open_descriptor file(clip, O_WRONLY);
                need(::fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, page,
                                 3 * mebibyte) == 0,
                     "punch a hole");
            }
            return 0;
        });
        return prefetch(clip);
    }();
    CHECK(report.ok());
    CHECK(report[0].missing.total() == 0);
}

TEST_CASE("what others evict while it loads is not blamed on the kernel") {
    const temporary_folder folder;
    const std::string clip = write_cold(folder / "clip");
    int steps = 0;
    const prefetch_report report = [&] {
        const hooked_calls hooked([&](const call_site& site) {
            if (is(site, "madvise") && ++steps == 4)
                ::posix_fadvise(open_descriptor(clip).get(), 0, 0, POSIX_FADV_DONTNEED);
            return 0;
        });
        return prefetch(clip);
    }();
    CHECK(report.ok());
    CHECK(report[0].missing.total() == size - *report[0].after_bytes);
    CHECK(report[0].missing.not_cached == report[0].missing.total() - report[0].missing.reclaimed);
}

}  // namespace
