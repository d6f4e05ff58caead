// SPDX-License-Identifier: Apache-2.0
// Each system call of each verb fails with each errno of its man page, at the first, a middle and
// the last file, on one thread and on many.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "accv_cache/accv_cache.hpp"
#include "faults/errors.hpp"
#include "faults/hook.hpp"
#include "support.hpp"

namespace {

using namespace accv_cache::test;
using accv_cache::DropCacheStatus;

using accv_cache::failed_step;

/// The step that the call is made for; NONE: its failure is no failure of the file.
failed_step step_of(const std::string& call, bool loads) {
    if (loads && call == "posix_fadvise") return failed_step::READ;
    if (call == "open") return failed_step::OPEN;
    if (call == "fstat") return failed_step::STATUS;
    if (call == "posix_fadvise") return failed_step::ADVISE;
    if (call == "sync_file_range" || call == "fdatasync") return failed_step::WRITE_BACK;
    return failed_step::NONE;
}

DropCacheStatus status_of(failed_step step) {
    if (step == failed_step::OPEN) return DropCacheStatus::FILE_OPEN_FAILED;
    return step == failed_step::WRITE_BACK ? DropCacheStatus::UNKNOWN_ERROR
                                           : DropCacheStatus::FADVISE_FAILED;
}

// ---- the files, and what a verb says of them
// -----------------------------------------------------

constexpr std::size_t file_count = 12;
constexpr std::size_t first_middle_last[] = {0, file_count / 2, file_count - 1};
constexpr std::size_t one_thread = 1;
constexpr std::size_t many_threads = 6;

/// Files of one page, each with a content of its own.
class files {
public:
    files() {
        for (std::size_t i = 0; i != file_count; ++i) {
            paths_.push_back(folder_ / std::to_string(100 + i));
            struct stat status{};
            need(::stat(write_warm(paths_[i]).c_str(), &status) == 0, "look at its file");
            inodes_.push_back(status.st_ino);
        }
    }

    /// Makes every file resident, clean or dirty, or cold, and says whether each still has its
    /// content.
    bool are_intact_and(bool dirty, bool cold = false) const {
        for (const std::string& path : paths_) {
            char text[64] = {};
            const open_descriptor file(path, O_RDWR);
            const std::string& wanted = content_of(path);
            if (::pread(file.get(), text, wanted.size(), 0) !=
                    static_cast<ssize_t>(wanted.size()) ||
                wanted != text)
                return false;
            if (dirty) {
                const auto length = static_cast<ssize_t>(wanted.size());
                need(::pwrite(file.get(), text, wanted.size(), 0) == length, "write");
            }
            if (cold) need(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED) == 0, "evict");
        }
        return true;
    }

    const std::vector<std::string>& paths() const { return paths_; }
    const std::string& folder() const { return folder_.path(); }
    ino_t inode(std::size_t position) const { return inodes_[position]; }
    bool has(ino_t inode) const {
        return std::find(inodes_.begin(), inodes_.end(), inode) != inodes_.end();
    }

private:
    static std::string content_of(const std::string& path) { return "this is " + path; }
    static std::string write_warm(const std::string& path) {
        std::ofstream(path) << content_of(path);
        need(::fsync(open_descriptor(path).get()) == 0, "sync a file");
        return path;
    }

    temporary_folder folder_;
    std::vector<std::string> paths_;
    std::vector<ino_t> inodes_;
};

/// What a verb says of one file.
struct told {
    enum { nothing, success, failure } state = nothing;
    DropCacheStatus status = DropCacheStatus::SUCCESS;
    failed_step failed = failed_step::NONE;
    int error = 0;
    std::optional<std::int64_t> resident_bytes;  ///< Afterwards.
};

/// One way to call a verb.
struct verb {
    std::string name;
    bool evicts;
    bool fail_fast;
    bool dirty;  ///< It works on files that were just written.
    bool cold;   ///< It works on files that are not resident.
    std::function<std::vector<told>(const files&, std::size_t workers)> run;
    std::string missing = {};  ///< A call that this kernel does not have.
};

template <class Report>
std::vector<told> said_by(const Report& report) {
    std::vector<told> all(file_count);
    for (std::size_t i = 0; i != report.size(); ++i) {
        const accv_cache::status_record& each = report[i];
        if (!each.status) continue;
        const bool good = each.status == DropCacheStatus::SUCCESS;
        all[i] = {good ? told::success : told::failure, *each.status, each.failed, each.error,
                  each.after_bytes};
    }
    return all;
}

verb dropping(std::string name, bool fail_fast, bool sync, bool dirty) {
    return {
        std::move(name), true, fail_fast, dirty, false, [=](const files& on, std::size_t workers) {
            accv_cache::drop_options options;
            options.fail_fast = fail_fast;
            options.sync = sync;
            options.workers = workers;
            return said_by(accv_cache::drop(on.paths(), options));
        }};
}

verb querying(std::string name, bool spans) {
    return {std::move(name), false, false, false, false, [=](const files& on, std::size_t workers) {
                accv_cache::query_options options;
                options.spans = spans;
                options.workers = workers;
                const accv_cache::cache_report report = accv_cache::query(on.paths(), options);
                std::vector<told> all(file_count);
                for (std::size_t i = 0; i != report.size(); ++i) {
                    all[i].state = report[i].error == 0 ? told::success : told::failure;
                    all[i].failed = report[i].failed;
                    all[i].error = report[i].error;
                    all[i].resident_bytes = report[i].resident_bytes;
                }
                return all;
            }};
}

verb without(const std::string& call, verb same) {
    same.name += ", without " + call;
    same.missing = call;
    return same;
}

/// The report of a query that found every file resident.
accv_cache::cache_report all_resident(const files& on) {
    accv_cache::detail::path_list paths;
    for (const std::string& each : on.paths()) paths.append(each);
    const std::vector<accv_cache::resident_span> span = {{0, page}};
    return {std::move(paths),
            std::vector<accv_cache::cache_record>(file_count),
            {},
            false,
            std::vector<accv_cache::resident_spans>(file_count, span)};
}

verb prefetching(std::string name, bool wait, bool restores) {
    return {std::move(name), false, false, false, true, [=](const files& on, std::size_t workers) {
                accv_cache::prefetch_options options;
                options.wait = wait;
                options.workers = workers;
                const accv_cache::prefetch_report report =
                    restores ? accv_cache::prefetch(all_resident(on), options)
                             : accv_cache::prefetch(on.paths(), options);
                std::vector<told> all = said_by(report);
                for (std::size_t i = 0; i != report.size(); ++i)  // it arrives in a moment
                    if (all[i].resident_bytes)
                        *all[i].resident_bytes += report[i].missing.in_flight;
                return all;
            }};
}

/// All that `drop_videos_cache` says is one status: of the first that failed.
std::vector<told> drop_videos(const files& on, std::size_t workers) {
    accv_cache::detail::ticker tick;
    const auto result = accv_cache::detail::drop_videos(on.paths(), workers, tick);
    std::vector<told> all(file_count);
    all.back().status = result;
    return all;
}

const verb verbs[] = {
    {"drop_videos_cache", true, true, false, false, drop_videos},
    dropping("drop", false, true, false),
    dropping("drop, files just written", false, true, true),
    dropping("drop, fail_fast", true, true, false),
    dropping("drop, fail_fast, files just written", true, true, true),
    dropping("drop, sync=false", false, false, false),
    querying("query", false),
    querying("query, spans", true),
    prefetching("prefetch", true, false),
    prefetching("prefetch, wait=false", false, false),
    prefetching("prefetch, of a report", true, true),
    without("fstatfs", {"drop_videos_cache", true, true, false, false, drop_videos}),
    without("fstatfs", dropping("drop, fail_fast", true, true, false)),
    without("cachestat", dropping("drop", false, false, false)),
    without("cachestat", querying("query, spans", true)),
};

// ---- faults
// --------------------------------------------------------------------------------------

constexpr std::size_t always = std::numeric_limits<std::size_t>::max();

/// One call of one kind fails, or all of them do.
struct fault {
    std::string call;
    int error;
    ino_t inode;        ///< What it must be about; 0: none of the files.
    std::size_t nth;    ///< Which of those calls fails; `always`: each.
    bool from = false;  ///< So do all those after it.
};

/// How often each call is made about each inode.
using census = std::map<std::string, std::map<ino_t, std::size_t>>;

census calls_of(const verb& tested, const files& on, std::size_t workers) {
    census seen;
    std::mutex mutex;
    slow_first_file first;
    need(on.are_intact_and(tested.dirty, tested.cold), "set up its files");
    const hooked_calls hooked([&](const call_site& site) {
        first.wait_at(site);
        if (tested.missing == site.name) return ENOSYS;
        const std::scoped_lock lock(mutex);
        ++seen[site.name][on.has(site.inode) ? site.inode : 0];
        return 0;
    });
    static_cast<void>(tested.run(on, workers));
    return seen;
}

struct with_fault {
    std::vector<told> files;
    bool failed;  ///< Whether the call that was to fail was made at all.
};

with_fault run(const verb& tested, const files& on, std::size_t workers, const fault& planned) {
    std::atomic<std::size_t> count{0};
    std::atomic<bool> failed{false};
    slow_first_file first;
    const hooked_calls hooked([&](const call_site& site) {
        first.wait_at(site);
        if (tested.missing == site.name) return ENOSYS;
        if (planned.call != site.name) return 0;
        if (planned.inode != (on.has(site.inode) ? site.inode : 0)) return 0;
        const std::size_t nth = count++;
        const bool is_one_of_them = planned.from ? nth > planned.nth : planned.nth == always;
        if (planned.nth != nth && !is_one_of_them) return 0;
        failed = true;
        if (planned.from) spin(500);  // in which other threads could do what is behind the file
        return planned.error;
    });
    std::vector<told> said = tested.run(on, workers);
    return {std::move(said), failed};
}

std::size_t mappings_of(const std::string& folder) {
    std::size_t count = 0;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);)
        if (line.find(folder) != std::string::npos) ++count;
    return count;
}

/// What must hold of the files and of the process, whatever failed at `target`.
class verdicts {
public:
    verdicts(const verb& tested, const files& on, tried_faults& tried)
        : tested_(tested), on_(on), tried_(tried) {}

    void check(std::size_t workers, const fault& planned, std::size_t target) {
        need(on_.are_intact_and(tested_.dirty, tested_.cold), "find each file as it was written");
        const std::ptrdiff_t threads_before = threads();
        const std::ptrdiff_t descriptors = open_descriptors();
        const with_fault got = run(tested_, on_, workers, planned);
        const std::string error_name = name_of(planned.error);
        CAPTURE(tested_.name);
        CAPTURE(workers);
        CAPTURE(planned.call);
        CAPTURE(error_name);
        CAPTURE(planned.nth);
        CAPTURE(target);
        CHECK(open_descriptors() == descriptors);
        CHECK(no_thread_remains(threads_before));
        CHECK(mappings_of(on_.folder()) == 0);
        if (tested_.name.find("drop_videos_cache") == 0) {
            check_videos(got, planned, target);
        } else {
            check_records(got, planned, target);
        }
        tried_.add(planned.call, planned.error);
    }

private:
    /// Whether the file may yet be done: an interrupted call, or one that found no descriptor, is
    /// made again; where there is no sync_file_range(2) there is fdatasync(2), and a file that is
    /// clean, because the kernel was faster, needs neither. Of a clean one EINVAL tells nothing.
    static bool may_recover(const fault& planned) {
        if (planned.call == "sync_file_range")
            return planned.nth != always || planned.error == ENOSYS || planned.error == EPERM ||
                   planned.error == EINVAL;
        return planned.nth != always && !planned.from;
    }

    void check_videos(const with_fault& got, const fault& planned, std::size_t target) const {
        const DropCacheStatus status = got.files.back().status;
        const failed_step step = step_of(planned.call, tested_.cold);
        const bool matters = got.failed && planned.inode != 0 && step != failed_step::NONE;
        if (!matters) {
            CHECK(status == DropCacheStatus::SUCCESS);
        } else if (!may_recover(planned)) {
            CHECK(status == status_of(step));
        }
        check_evicted(target, status == DropCacheStatus::SUCCESS ? file_count : target);
    }

    /// Those before `limit` are evicted, and with fail_fast those behind it stay. `target`, where
    /// the call failed, may have stayed.
    void check_evicted(std::size_t target, std::size_t limit) const {
        for (std::size_t i = 0; i != file_count; ++i) {
            CAPTURE(i);
            if (i < limit && i != target) CHECK(resident_bytes(on_.paths()[i]) == 0);
            if (i > limit) CHECK(kept_bytes(on_.paths()[i]) == page);
        }
    }

    void check_records(const with_fault& got, const fault& planned, std::size_t target) const {
        const std::vector<told>& files = got.files;
        std::size_t failed = file_count;
        for (std::size_t i = 0; i != file_count; ++i) {
            CAPTURE(i);
            if (files[i].state == told::failure) {
                CHECK(i == target);
                CHECK(planned.inode != 0);
                CHECK(files[i].error == planned.error);
                failed = std::min(failed, i);
            }
            if (files[i].state == told::nothing) CHECK((tested_.fail_fast && i > failed));
            if (files[i].resident_bytes && tested_.evicts)
                CHECK(*files[i].resident_bytes == resident_bytes(on_.paths()[i]));
            const bool is_resident = !tested_.cold || files[i].state == told::success;
            if (files[i].resident_bytes && !tested_.evicts && is_resident)
                CHECK(*files[i].resident_bytes == page);
        }
        const failed_step step = step_of(planned.call, tested_.cold);
        const bool matters = got.failed && planned.inode != 0 && step != failed_step::NONE;
        if (matters && !may_recover(planned)) {
            CHECK(files[target].state == told::failure);
            CHECK(files[target].failed == step);
            if (tested_.evicts) CHECK(files[target].status == status_of(step));
        }
        if (tested_.evicts) check_evicted(target, tested_.fail_fast ? failed : file_count);
    }

    const verb& tested_;
    const files& on_;
    tried_faults& tried_;
};

TEST_CASE("each system call fails with each errno") {
    const files on;
    tried_faults tried;
    for (const verb& tested : verbs) {
        verdicts judge(tested, on, tried);
        for (const std::size_t workers : {one_thread, many_threads}) {
            const census seen = calls_of(tested, on, workers);
            for (const auto& [call, inodes] : seen) {
                CAPTURE(call);
                REQUIRE(man_pages.count(call) != 0);
                for (const int error : errors_of(call)) {
                    for (const std::size_t target : first_middle_last) {
                        const auto times = inodes.find(on.inode(target));
                        if (times == inodes.end()) continue;
                        const auto check = [&](std::size_t nth) {
                            judge.check(workers, {call, error, on.inode(target), nth}, target);
                        };
                        check(always);
                        if (target != file_count / 2) continue;
                        for (std::size_t nth = 0; nth != times->second; ++nth) check(nth);
                        // Advice may fail after its rehearsal: see `may_refuse_advice`.
                        if (tested.missing == "fstatfs" && call == "posix_fadvise")
                            judge.check(workers, {call, error, on.inode(target), 1, true}, target);
                    }
                    const auto others = inodes.find(0);
                    if (others == inodes.end()) continue;
                    for (const std::size_t nth : {std::size_t{0}, others->second / 2, always})
                        judge.check(workers, {call, error, 0, nth}, file_count);
                }
            }
        }
        CHECK(on.are_intact_and(false));
    }
    tried.print();
}

}  // namespace
