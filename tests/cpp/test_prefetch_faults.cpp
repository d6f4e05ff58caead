// SPDX-License-Identifier: Apache-2.0
// `prefetch` where system calls are refused, the disk fails, or files change meanwhile.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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

namespace prefetch_faults {

using namespace accv_cache::test;
using accv_cache::failed_step;
using accv_cache::missing_bytes;
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
            return is(site, "madvise") && ++advice % 4 == 2 ? EINVAL : 0;
        });
        CHECK(prefetch(clip).totals().loaded_bytes() == size);
    }
    CHECK(advice == 8);  // two steps, and nothing was copied
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
        int advice = 0;
        prefetch_options options;
        options.workers = 1;
        const prefetch_report report = [&] {
            const hooked_calls hooked([&](const call_site& site) {
                if (is(site, "pread") && site.inode == inode) return error;
                return is(site, "madvise") && ++advice > 4 ? EFAULT : 0;  // after the first step
            });
            return prefetch({bad, good}, options);
        }();
        CHECK(report[0].failed == failed_step::READ);
        CHECK(report[0].error == error);
        CHECK(*report[0].loaded_bytes > 0);
        CHECK(*report[0].loaded_bytes < size);
        CHECK(report[1].error == 0);
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

TEST_CASE("an interrupted step is waited for, and no other is loaded again") {
    const temporary_folder folder;
    for (const bool is_measurable : {true, false}) {  // what is being read measures as resident
        CAPTURE(is_measurable);
        const std::string clip = write_cold(folder / "clip");
        int advice = 0;
        int populated = 0;
        const hooked_calls hooked([&](const call_site& site) {
            if (!is_measurable && (is(site, "cachestat") || is(site, "mincore"))) return ENOSYS;
            if (is(site, "mmap")) advice = 0;
            if (!is(site, "madvise")) return 0;
            ++advice;
            if (advice == 2) return EINVAL;  // huge pages are not built in
            return advice == 3 && populated++ % 2 == 0 ? EINTR : 0;
        });
        CHECK(prefetch(clip).ok());
        CHECK(populated == 4);  // two steps, each interrupted once
    }
}

TEST_CASE("a request to stop ends a step that is always interrupted") {
    const temporary_folder folder;
    const std::string clip = write_cold(folder / "clip");
    int reads = 0;
    const hooked_calls hooked([&](const call_site& site) {
        if (!is(site, "pread")) return is(site, "madvise") ? EFAULT : 0;
        ++reads;
        return EINTR;
    });
    prefetch_options options;
    options.progress = [&](const accv_cache::file_progress&) { return reads == 0; };
    const prefetch_report report = prefetch(clip, options);
    CHECK(reads == 1);
    CHECK(report.stopped());
    CHECK_FALSE(report[0].status.has_value());
}

TEST_CASE("a child that is forked while a file is loaded measures nothing more") {
    const temporary_folder folder;
    const std::string clip = write_cold(folder / "clip");
    const pid_t parent = ::getpid();
    pid_t child = -1;
    int advice = 0;
    int measured_in_child = 0;
    prefetch_options options;
    options.progress = [&](const accv_cache::file_progress&) {
        if (advice == 7 && child < 0) child = ::fork();
        if (child == 0) ::alarm(300);  // otherwise it could wait for ever
        return true;
    };
    const prefetch_report report = [&] {
        const hooked_calls hooked([&](const call_site& site) {
            if (child == 0 && is(site, "cachestat")) ++measured_in_child;
            // After the second step was interrupted, the progress is told.
            return is(site, "madvise") && ++advice == 7 ? EINTR : 0;
        });
        return prefetch(clip, options);
    }();
    if (::getpid() != parent) ::_exit(report.stopped() && measured_in_child == 0 ? 0 : 1);
    CHECK(report.ok());
    int status = -1;
    CHECK(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
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

/// Loads a file that is truncated to `rest` bytes after it was measured, and before it is loaded.
/// `is_measurable`: whether any call tells its residency.
prefetch_report prefetch_truncated(const std::string& path, std::int64_t rest, bool is_measurable,
                                   const prefetch_options& options = {}) {
    bool done = false;
    const hooked_calls hooked(
        [&](const call_site& site) {
            const bool measures = is(site, "cachestat") || is(site, "mincore");
            return measures && !is_measurable ? ENOSYS : 0;
        },
        [&](const call_site& site) {
            if (!is(site, "close") || done) return;
            done = true;
            std::filesystem::resize_file(path, static_cast<std::uintmax_t>(rest));
        });
    return prefetch(path, options);
}

TEST_CASE("a file that is truncated before it is loaded has its new size, and lacks nothing") {
    const temporary_folder folder;
    for (const bool is_measurable : {true, false})
        for (const std::int64_t rest : {std::int64_t{0}, 5 * page, 8 * mebibyte}) {
            CAPTURE(is_measurable);
            CAPTURE(rest);
            const std::string clip = write_cold(folder / "clip");
            const prefetch_report report = prefetch_truncated(clip, rest, is_measurable);
            CHECK(report.ok());
            CHECK(report[0].size_bytes == rest);
            CHECK(report[0].missing.total() == 0);
            CHECK(report[0].after_bytes.has_value() == is_measurable);
            CHECK(kept_bytes(clip) == rest);
        }
}

TEST_CASE("what a truncated file lacks is no longer beyond the limit") {
    const temporary_folder folder;
    for (const bool is_measurable : {true, false})
        for (const std::int64_t beyond : {std::int64_t{0}, 3 * page}) {
            CAPTURE(is_measurable);
            CAPTURE(beyond);
            const std::string clip = write_cold(folder / "clip");
            prefetch_options options;
            options.max_bytes = 4 * mebibyte;
            options.on_limit = accv_cache::limit_action::STOP;
            const std::int64_t rest = 4 * mebibyte + beyond;
            const prefetch_report report = prefetch_truncated(clip, rest, is_measurable, options);
            CHECK(report[0].missing.total() <=
                  beyond);  // the kernel may read more than it was told
            CHECK(report[0].missing.total() == report[0].missing.limit);
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

TEST_CASE("a descriptor without read access needs another one, of which there may be none") {
    const temporary_folder folder;
    const std::string clip = write_cold(folder / "clip");
    const open_descriptor lent(clip, O_WRONLY);
    for (const int error : {EMFILE, ENFILE}) {
        const hooked_calls hooked([&](const call_site& site) {
            return is(site, "open") && path_of(site.about).find("/proc/") == 0 ? error : 0;
        });
        const prefetch_report report = prefetch(lent.get());
        CHECK(report[0].failed == failed_step::READ);
        CHECK(report[0].error == error);
        CHECK(report[0].missing.unreadable == size);
    }
    CHECK(prefetch(lent.get()).ok());
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

TEST_CASE("more bytes than a number can hold are missing") {
    constexpr std::int64_t huge = std::int64_t{1} << 62;
    const sparse_file files[] = {sparse_file(huge), sparse_file(huge), sparse_file(huge)};
    const std::vector<std::string> paths = {files[0].path(), files[1].path(), files[2].path()};
    const hooked_calls hooked(
        [](const call_site& site) { return is(site, "lseek") ? EINVAL : 0; });  // no holes
    prefetch_options options;
    options.max_bytes = page;
    const prefetch_report report = prefetch(paths, options);
    CHECK(report.refused());
    REQUIRE(report.limit().has_value());
    CHECK(report.limit()->needed_bytes == INT64_MAX);
    CHECK(report[2].missing.limit == huge);
    CHECK(report.totals().missing.limit == INT64_MAX);
    CHECK(report.totals().missing.total() == INT64_MAX);
}

TEST_CASE("a file of which a report has the same bytes many times is restored once") {
    constexpr std::int64_t huge = std::int64_t{1} << 62;
    const sparse_file file(huge);
    const std::vector<std::string> paths(3, file.path());
    accv_cache::detail::path_list names;
    for (const std::string& each : paths) names.append(each);
    std::vector<accv_cache::resident_spans> spans(
        paths.size(), std::vector<accv_cache::resident_span>{{0, huge}});
    const accv_cache::cache_report warm(std::move(names),
                                        std::vector<accv_cache::cache_record>(paths.size()), {},
                                        false, std::move(spans));
    prefetch_options options;
    options.max_bytes = page;
    const prefetch_report report = prefetch(warm, options);
    CHECK(report.refused());
    REQUIRE(report.limit().has_value());
    CHECK(report.limit()->needed_bytes == INT64_MAX);
}

/// Finds one page of each file reclaimed, as cachestat(2) tells it.
void tell_reclaimed(std::uint64_t& cached, std::uint64_t& evicted) {
    if (cached == 0) return;
    --cached;
    ++evicted;
}

TEST_CASE("loading ends when the kernel reclaims what was loaded") {
    const temporary_folder folder;
    const std::string large = write_cold(folder / "large", 0);
    constexpr std::int64_t large_size = 80 * mebibyte;  // more than is loaded between two looks
    need(::posix_fallocate(open_descriptor(large, O_WRONLY).get(), 0, large_size) == 0, "allocate");
    const std::string next = write_cold(folder / "next");
    prefetch_options options;
    options.workers = 1;
    int advice = 0;
    const prefetch_report report = [&] {
        const hooked_calls hooked([&](const call_site& site) {
            if (is(site, "madvise") && ++advice == 5) after_cachestat = tell_reclaimed;
            return 0;
        });
        return prefetch({large, next}, options);
    }();
    CHECK(report.ok());
    CHECK_FALSE(report.limit().has_value());
    CHECK(advice < 4 * 10);  // of ten steps
    const missing_bytes& why = report[0].missing;
    CHECK(why.reclaimed > 0);
    CHECK(why.reclaimed == why.total());
    CHECK(why.reclaimed == large_size - *report[0].after_bytes);
    CHECK(report[1].missing.reclaimed == size);
    CHECK(report[1].loaded_bytes == 0);
    CHECK(resident_bytes(next) == 0);
}

TEST_CASE("what others evict while it loads is not blamed on the kernel") {
    const temporary_folder folder;
    const std::string clip = write_cold(folder / "clip");
    int advice = 0;
    const prefetch_report report = [&] {
        const hooked_calls hooked([&](const call_site& site) {
            if (is(site, "madvise") && ++advice == 5)  // of the second step
                ::posix_fadvise(open_descriptor(clip).get(), 0, 0, POSIX_FADV_DONTNEED);
            return 0;
        });
        return prefetch(clip);
    }();
    CHECK(report.ok());
    CHECK(report[0].missing.total() == size - *report[0].after_bytes);
    CHECK(report[0].missing.not_cached == report[0].missing.total() - report[0].missing.reclaimed);
}

}  // namespace prefetch_faults
