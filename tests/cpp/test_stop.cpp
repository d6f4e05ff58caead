// SPDX-License-Identifier: Apache-2.0
// Tests: A call that is stopped ends what is under way and begins nothing else.
#include <doctest/doctest.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accv_cache/accv_cache.hpp"
#include "faults/hook.hpp"
#include "support.hpp"

namespace {

using namespace accv_cache::test;
using accv_cache::file_progress;

/// Calls a verb whose progress ends it when it is told the second time, in the middle of the list.
/// Returns the number of files about which calls were made after that.
template <class Options, class Verb>
std::size_t touched_after_stop(std::size_t workers, bool by_exception, Verb run) {
    std::atomic<bool> said{false};
    std::atomic<bool> stopped{false};
    std::mutex mutex;
    std::set<ino_t> touched;
    const hooked_calls hooked([&](const call_site& site) {
        const std::string_view name = site.name;
        // The request to stop is in place once the calling thread makes its next call.
        if (said && on_main_thread() && name != "getpid") stopped = true;
        if (name != "open" && name != "posix_fadvise" && name != "sync_file_range" &&
            name != "fdatasync" && name != "cachestat" && name != "mincore")
            return 0;
        ::usleep(2000);  // So that the progress is told before all files are done.
        const std::scoped_lock lock(mutex);
        if (stopped) touched.insert(site.inode);
        return 0;
    });
    Options options;
    options.workers = workers;
    int told = 0;
    options.progress = [&](const file_progress&) {
        if (++told == 1) return true;
        said = true;
        if (by_exception) throw std::runtime_error("stop");
        return false;
    };
    if (by_exception) {
        CHECK_THROWS_AS(run(options), std::runtime_error);
    } else {
        run(options);
    }
    CHECK(told == 2);
    return touched.size();
}

TEST_CASE("after progress has said stop or has thrown, each thread ends one file at most") {
    for (const std::size_t workers : {std::size_t{1}, std::size_t{4}})
        for (const bool by_exception : {false, true}) {
            CAPTURE(workers);
            CAPTURE(by_exception);
            const temporary_folder folder;
            std::vector<std::string> dirty;
            for (int i = 0; i != 200; ++i)
                dirty.push_back(write_dirty(folder / std::to_string(i), page, page));
            CHECK(touched_after_stop<accv_cache::query_options>(
                      workers, by_exception, [&](const accv_cache::query_options& options) {
                          static_cast<void>(accv_cache::query(dirty, options));
                      }) <= workers);
            CHECK(touched_after_stop<accv_cache::drop_options>(
                      workers, by_exception, [&](const accv_cache::drop_options& options) {
                          static_cast<void>(accv_cache::drop(dirty, options));
                      }) <= workers);
        }
}

/// Drops a file that keeps its pages, where fdatasync(2) alone can write back, and is interrupted
/// `times` times. Returns how often it was called.
int count_of_writebacks(int times, accv_cache::drop_options options,
                        accv_cache::drop_report& report) {
    const temporary_folder folder;
    const std::string clip = write_dirty(folder / "clip", 16 * page, page);
    const mapped_file mapped(clip);
    mapped.touch();
    int calls = 0;
    const hooked_calls hooked([&](const call_site& site) {
        const std::string_view name = site.name;
        if (name == "sync_file_range" || name == "cachestat") return ENOSYS;
        return name == "fdatasync" && ++calls <= times ? EINTR : 0;
    });
    options.progress = [&, more = std::move(options.progress)](const file_progress& now) {
        return calls == 0 || !more || more(now);
    };
    report = accv_cache::drop(clip, options);
    return calls;
}

TEST_CASE("writeback that is interrupted is tried again, but not after a request to stop") {
    for (const bool fail_fast : {false, true}) {
        CAPTURE(fail_fast);
        accv_cache::drop_options options;
        options.fail_fast = fail_fast;
        accv_cache::drop_report report({}, {}, {}, false);
        CHECK(count_of_writebacks(4, options, report) > 4);
        CHECK(report.ok());

        count_of_writebacks(1 << 20, options, report);
        CHECK(report[0].failed == accv_cache::failed_step::WRITE_BACK);
        CHECK(report[0].error == EINTR);

        options.progress = [](const file_progress&) { return false; };
        CHECK(count_of_writebacks(1 << 20, options, report) == 1);
        CHECK(report.stopped());
    }
}

}  // namespace
