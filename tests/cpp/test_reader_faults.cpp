// SPDX-License-Identifier: Apache-2.0
// Each system call of walks, of `holders` and of `cgroup_memory` fails with each errno of its man
// page: what they could not read is told, and all the rest is done.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "accv_cache/accv_cache.hpp"
#include "faults/errors.hpp"
#include "faults/hook.hpp"
#include "support.hpp"

namespace reader_faults {

using namespace accv_cache::test;
using accv_cache::DropCacheStatus;
namespace fs = std::filesystem;

// ---- faults, by the place that a call is about
// ---------------------------------------------------

constexpr std::size_t always = std::numeric_limits<std::size_t>::max();

/// One call about one place fails, or all of them do.
struct fault {
    std::string place;
    std::string call;
    int error;
    std::size_t nth;  ///< Which of those calls fails; `always`: each.
};

/// What the calls of a test see.
struct world {
    std::function<std::string(const call_site&)> place_of;
    hook_before given = [](const call_site&) { return 0; };  ///< What fails in every run.
};

/// How often each call is made about each place.
using census = std::map<std::string, std::map<std::string, std::size_t>>;

census calls_of(const world& seen_by, const std::function<void()>& run) {
    census seen;
    std::mutex mutex;
    slow_first_file first;
    const hooked_calls hooked([&](const call_site& site) {
        first.wait_at(site);
        if (const int error = seen_by.given(site)) return error;
        const std::string place = seen_by.place_of(site);
        const std::scoped_lock lock(mutex);
        ++seen[place][site.name];
        return 0;
    });
    run();
    return seen;
}

/// Runs it with the fault; nothing of the call may remain.
void run_with(const fault& planned, const world& seen_by, const std::function<void()>& run) {
    const std::ptrdiff_t threads_before = threads();
    const std::ptrdiff_t descriptors = open_descriptors();
    {
        std::atomic<std::size_t> count{0};
        slow_first_file first;
        const hooked_calls hooked([&](const call_site& site) {
            first.wait_at(site);
            if (const int error = seen_by.given(site)) return error;
            if (planned.call != site.name || planned.place != seen_by.place_of(site)) return 0;
            const std::size_t nth = count++;
            return planned.nth == always || planned.nth == nth ? planned.error : 0;
        });
        run();
    }
    CHECK(open_descriptors() == descriptors);
    CHECK(no_thread_remains(threads_before));
}

/// Calls `check` with each errno of each call about each place: the first, a middle and the last
/// such call fails, and all of them.
void for_each_fault(const census& seen, const std::function<void(const fault&)>& check) {
    for (const auto& [place, calls] : seen)
        for (const auto& [call, times] : calls) {
            REQUIRE(man_pages.count(call) != 0);
            for (const int error : errors_of(call))
                for (const std::size_t nth :
                     std::set{std::size_t{0}, times / 2, times - 1, always}) {
                    const std::string error_name = name_of(error), place_name = place;
                    const std::string call_name = call;
                    CAPTURE(place_name);
                    CAPTURE(call_name);
                    CAPTURE(error_name);
                    CAPTURE(nth);
                    check({place, call, error, nth});
                }
        }
}

// ---- walks
// ---------------------------------------------------------------------------------------

/// A tree with a file in each folder, and a folder elsewhere that a link leads to.
class tree {
public:
    tree() {
        for (const char* const each : {"", "b", "b/c", "d", "e"}) {
            fs::create_directories(root() + '/' + each);
            add(std::string("tree/") + each);
        }
        fs::create_directory(folder_ / "elsewhere");
        add("elsewhere");
        fs::create_directory_symlink(folder_ / "elsewhere", root() + "/link");
        add_file("tree/b/file", page);
        add_file("tree/b/other", page);
        for (const char* const each : {"tree/a", "tree/b/c/file", "tree/d/file", "tree/e/file"})
            add_file(each, page);
        add_file("elsewhere/file", page);
        make_warm();
    }

    void make_warm() const { warm_again(files_); }
    std::string root() const { return folder_ / "tree"; }
    std::string link() const { return root() + "/link"; }
    const std::vector<std::string>& files() const { return files_; }

    /// The path of what has this inode; "" if it is not of the tree.
    std::string name_of(ino_t inode) const {
        const auto found = names_.find(inode);
        return found == names_.end() ? std::string() : found->second;
    }

private:
    void add(const std::string& name) {
        std::string path = folder_ / name;
        if (path.back() == '/') path.pop_back();
        struct stat status{};
        need(::stat(path.c_str(), &status) == 0, "look at its file");
        names_[status.st_ino] = path;
    }
    void add_file(const std::string& name, std::int64_t bytes) {
        files_.push_back(write_warm(folder_ / name, bytes));
        add(name);
    }

    temporary_folder folder_;
    std::vector<std::string> files_;
    std::map<ino_t, std::string> names_;
};

/// What a call says of a path.
struct told {
    accv_cache::failed_step failed = accv_cache::failed_step::NONE;
    int error = 0;
    std::optional<std::int64_t> resident_bytes;  ///< Afterwards.
};
using answer = std::map<std::string, told>;

struct walk {
    std::string name;
    bool evicts;
    bool follows;               ///< Links; what is below one has its path through the link.
    std::string missing;        ///< A call that this kernel does not have.
    std::set<std::string> own;  ///< The calls that it makes and the first walk does not.
    std::function<answer(const std::string&)> run;
};

answer dropped(const std::string& root, std::size_t workers,
               std::optional<std::int64_t> max_size_bytes = {}) {
    accv_cache::drop_options options;
    options.workers = workers;
    options.sync = false;
    options.max_size_bytes = max_size_bytes;
    const accv_cache::drop_report report = accv_cache::drop({root}, options);
    answer all;
    for (std::size_t i = 0; i != report.size(); ++i)
        all[std::string(report.path(i))] = {report[i].failed, report[i].error,
                                            report[i].after_bytes};
    return all;
}

answer queried(const std::string& root, bool follow) {
    accv_cache::query_options options;
    options.workers = 1;
    options.follow_symlinks = follow;
    const accv_cache::cache_report report = accv_cache::query({root}, options);
    answer all;
    for (std::size_t i = 0; i != report.size(); ++i)
        all[std::string(report.path(i))] = {report[i].failed, report[i].error,
                                            report[i].resident_bytes};
    return all;
}

const walk walks[] = {
    {"drop", true, false, "", {}, [](const std::string& root) { return dropped(root, 1); }},
    {"drop, several threads",
     true,
     false,
     "",
     {"openat2", "fstat"},
     [](const std::string& root) { return dropped(root, 4); }},
    {"drop, max_size_bytes",
     true,
     false,
     "",
     {"fstatat"},
     [](const std::string& root) { return dropped(root, 1, page); }},
    {"drop, without openat2",
     true,
     false,
     "openat2",
     {"openat"},
     [](const std::string& root) { return dropped(root, 1); }},
    {"query, follow_symlinks",
     false,
     true,
     "",
     {"fstatat", "open"},
     [](const std::string& root) { return queried(root, true); }},
};

/// Whether the failure of all such calls about a directory, or a file, must be told.
bool must_tell(const walk& tested, const fault& planned, bool is_directory) {
    const bool is_missing = planned.error == ENOSYS || planned.error == EPERM;
    if (planned.call == "openat2") return !is_missing && planned.error != ENAMETOOLONG;
    if (planned.call == "openat" || planned.call == "fstat") return true;
    if (is_directory && planned.call == "statx") return !is_missing;
    if (is_directory) return planned.call == "fdopendir" || planned.call == "readdir";
    return planned.call == "posix_fadvise" && tested.evicts;
}

bool is_below(const std::string& path, const std::string& folder) {
    return path.compare(0, folder.size(), folder) == 0 &&
           (path.size() == folder.size() || path[folder.size()] == '/');
}

void check_walk(const walk& tested, const tree& on, const world& seen_by, const fault& planned) {
    answer got;
    on.make_warm();
    run_with(planned, seen_by, [&] { got = tested.run(on.root()); });

    const bool is_directory = fs::is_directory(planned.place);
    std::vector<std::string> failing;
    for (const auto& [path, said] : got) {
        CAPTURE(path);
        if (said.error == 0) continue;
        failing.push_back(path);
        // The files of a walk are opened below its folder, which is opened again for them.
        CHECK((fs::equivalent(path, planned.place) || is_below(path, planned.place)));
        CHECK(said.error == planned.error);
        CHECK(said.failed != accv_cache::failed_step::NONE);
    }
    // Each file is done, or it is told that it, or a folder that contains it, could not be read.
    for (const std::string& file : on.files()) {
        CAPTURE(file);
        const bool is_elsewhere = !is_below(file, on.root());
        if (is_elsewhere && !tested.follows) continue;
        const std::string path = is_elsewhere ? on.link() + "/file" : file;
        const bool is_told = std::any_of(failing.begin(), failing.end(),
                                         [&](const auto& each) { return is_below(path, each); });
        // A link that leads nowhere for a moment is no directory.
        const bool is_gone = is_elsewhere && planned.call == "fstatat" &&
                             (planned.error == ENOENT || planned.error == ELOOP);
        if (is_told || is_gone) continue;
        const auto found = got.find(path);
        CHECK(found != got.end());
        if (found == got.end()) continue;
        if (tested.evicts) CHECK(resident_bytes(file) == 0);
        if (found->second.resident_bytes)
            CHECK(*found->second.resident_bytes == resident_bytes(file));
    }
    if (planned.nth == always && must_tell(tested, planned, is_directory)) CHECK(!failing.empty());
}

TEST_CASE("each system call of a walk fails with each errno") {
    const tree on;
    tried_faults tried;
    for (const walk& tested : walks) {
        CAPTURE(tested.name);
        const world seen_by{
            [&](const call_site& site) { return on.name_of(site.inode); },
            [&](const call_site& site) { return tested.missing == site.name ? ENOSYS : 0; }};
        census seen = calls_of(seen_by, [&] { tested.run(on.root()); });
        CHECK(seen.size() > on.files().size());
        seen.erase("");  // the calls that a list of files makes, too
        for_each_fault(seen, [&](const fault& planned) {
            if (!tested.own.empty() && tested.own.count(planned.call) == 0) return;
            check_walk(tested, on, seen_by, planned);
            tried.add(planned.call, planned.error);
        });
    }
    tried.print();
}

// ---- holders
// -------------------------------------------------------------------------------------

/// Of the machine's processes, only this one is there: others start and end at any moment.
class alone_in_proc {
public:
    /// The place by its path, with one name for all descriptors and mappings.
    std::string place_of(const call_site& site) const {
        std::string path = path_of(site.about);
        if (is_below(path, "/proc/self")) path.replace(0, std::strlen("/proc/self"), own_);
        for (const std::string& numbered : {own_ + "/fd", own_ + "/map_files"})
            if (path != numbered && is_below(path, numbered)) return numbered + "/N";
        return path;
    }

    int given(const call_site& site) const {
        const std::string name = site.about.name == nullptr ? "" : site.about.name;
        const bool is_process =
            name.compare(0, 6, "/proc/") == 0 && name[6] >= '0' && name[6] <= '9';
        return is_process && !is_below(name, own_) ? ENOENT : 0;
    }

private:
    const std::string own_ = "/proc/" + std::to_string(::getpid());
};

TEST_CASE("each system call of holders fails with each errno") {
    const temporary_folder folder;
    const std::string file = write_warm(folder / "file", page);
    const mapped_file mapped(file);
    const open_descriptor opened(file);
    const alone_in_proc machine;
    const world seen_by{[&](const call_site& site) { return machine.place_of(site); },
                        [&](const call_site& site) { return machine.given(site); }};
    const auto is_found = [](const accv_cache::holders_report& report) {
        return report.holders.size() == 1 && report.holders[0].process == ::getpid() &&
               report.holders[0].mapped_bytes == page && report.holders[0].open;
    };

    accv_cache::holders_report report;
    const auto run = [&] { report = accv_cache::holders({file}); };
    const census seen = calls_of(seen_by, run);
    REQUIRE(is_found(report));
    REQUIRE(report.unreadable_processes == 0);
    tried_faults tried;
    for_each_fault(seen, [&](const fault& planned) {
        run_with(planned, seen_by, run);
        tried.add(planned.call, planned.error);
        const bool is_told = report.error != 0 || report.unreadable_processes != 0;
        // The name leads nowhere, or the descriptor was closed meanwhile.
        const bool is_gone = planned.place == file
                                 ? accv_cache::detail::is_out_of_reach(planned.error)
                                 : planned.call == "statx" && planned.error == ENOENT;
        CHECK((is_found(report) || is_told || is_gone));
    });
    tried.print();
}

// ---- the memory of the cgroup
// --------------------------------------------------------------------

TEST_CASE("each system call of cgroup_memory fails with each errno") {
    const world seen_by{[](const call_site& site) { return path_of(site.about); }};
    std::optional<accv_cache::cgroup_memory_report> memory, named;
    std::optional<std::int64_t> limit;
    std::string folder;
    const auto run = [&] {
        memory = accv_cache::cgroup_memory();
        named = accv_cache::cgroup_memory(folder);
        limit = accv_cache::memory_limit();
    };
    run();
    if (memory) folder = memory->path;
    const census seen = calls_of(seen_by, run);
    const auto true_memory = memory;
    const auto true_limit = limit;
    tried_faults tried;
    for_each_fault(seen, [&](const fault& planned) {
        run_with(planned, seen_by, run);
        tried.add(planned.call, planned.error);
        // What may not be read, or is not there, is no limit; the report tells nothing else.
        const bool has_limits = !accv_cache::detail::is_out_of_reach(planned.error);
        for (const auto& got : {memory, named}) {
            if (!got || !has_limits) continue;
            CHECK(got->version == true_memory->version);
            CHECK(got->path == true_memory->path);
            CHECK(got->limit_bytes == true_memory->limit_bytes);
            if (got->machine_bytes) CHECK(got->machine_bytes == true_memory->machine_bytes);
        }
        if (limit && has_limits) CHECK(limit == true_limit);
    });
    tried.print();
}

}  // namespace reader_faults
