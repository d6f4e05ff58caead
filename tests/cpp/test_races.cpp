// SPDX-License-Identifier: Apache-2.0
// Another process changes the file between any two system calls of a call: no other file is
// evicted, nothing is lost, and the report tells no lie.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "accv_cache/accv_cache.hpp"
#include "faults/hook.hpp"
#include "support.hpp"

namespace races {

using namespace accv_cache::test;
using accv_cache::DropCacheStatus;
namespace fs = std::filesystem;

/// A folder with three files, where another process changes the second or its folder, and a file
/// elsewhere that is not in the list.
class scene {
public:
    scene() {
        fs::create_directory(folder_ / "elsewhere");
        write_warm(secret(), page, page);
        set_up();
    }

    /// Everything as it was, the files resident and dirty. Neighbours are written where they are,
    /// which costs the disk less than a new file.
    void set_up() const {
        fs::remove_all(tree() + "/b");
        fs::remove_all(moved());
        fs::create_directories(tree() + "/b");
        for (const std::string& each : paths()) {
            const open_descriptor file(each, O_WRONLY | O_CREAT);
            const std::string text(static_cast<std::size_t>(page), 'x');
            need(::pwrite(file.get(), text.data(), text.size(), 0) == page, "write a file");
        }
    }

    /// Nothing is resident: the files are holes.
    void make_cold() const {
        for (const std::string& each : paths()) {
            fs::resize_file(each, 0);
            fs::resize_file(each, static_cast<std::uintmax_t>(page));
        }
        const open_descriptor file(secret());
        need(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED) == 0, "evict");
    }

    std::string tree() const { return folder_ / "tree"; }
    std::string moved() const { return folder_ / "moved"; }
    std::string elsewhere() const { return folder_ / "elsewhere"; }
    /// It has the name of the file that it may stand in for.
    std::string secret() const { return folder_ / "elsewhere/file"; }
    std::string target() const { return tree() + "/b/file"; }
    std::vector<std::string> neighbours() const { return {tree() + "/a", tree() + "/c"}; }
    std::vector<std::string> paths() const { return {tree() + "/a", target(), tree() + "/c"}; }

private:
    temporary_folder folder_;
};

struct change {
    const char* name;
    void (*make)(const scene&);
};

const change changes[] = {
    {"grows", [](const scene& on) { std::ofstream(on.target(), std::ios::app) << "more"; }},
    {"is truncated", [](const scene& on) { fs::resize_file(on.target(), 1); }},
    {"is emptied", [](const scene& on) { fs::resize_file(on.target(), 0); }},
    {"is unlinked", [](const scene& on) { fs::remove(on.target()); }},
    {"is replaced",
     [](const scene& on) {
         write_dirty(on.tree() + "/b/other", page, page);
         fs::rename(on.tree() + "/b/other", on.target());
     }},
    {"becomes a link to a file elsewhere",
     [](const scene& on) {
         fs::remove(on.target());
         fs::create_symlink(on.secret(), on.target());
     }},
    {"becomes another name of a file elsewhere",
     [](const scene& on) {
         fs::remove(on.target());
         fs::create_hard_link(on.secret(), on.target());
     }},
    {"becomes a FIFO",
     [](const scene& on) {
         fs::remove(on.target());
         static_cast<void>(::mkfifo(on.target().c_str(), 0600));
     }},
    {"becomes a directory",
     [](const scene& on) {
         fs::remove(on.target());
         fs::create_directory(on.target());
     }},
    {"loses its folder", [](const scene& on) { fs::remove_all(on.tree() + "/b"); }},
    {"has its folder replaced by a link elsewhere",
     [](const scene& on) {
         fs::rename(on.tree() + "/b", on.moved());
         fs::create_directory_symlink(on.elsewhere(), on.tree() + "/b");
     }},
};

/// What a call does with the files. `tries_to_evict`: some may stay, such as dirty ones.
enum class effect { none, tries_to_evict, evicts, loads };

/// What a call is to do, and whether it walks a tree.
struct verb {
    const char* name;
    bool walks;
    effect does;
    std::size_t most_calls;  ///< `holders` looks at processes after that.
    void (*run)(const scene&);
};

template <class Report>
void check_report(const Report& report) {
    for (std::size_t i = 0; i != report.size(); ++i)
        CHECK((report[i].failed == accv_cache::failed_step::NONE) == (report[i].error == 0));
}

accv_cache::drop_options on_threads() {
    accv_cache::drop_options options;
    options.workers = 3;
    options.sync = false;
    return options;
}

accv_cache::query_options with_spans() {
    accv_cache::query_options options;
    options.spans = true;
    return options;
}

/// What was resident before its first use stays, whatever has its name by then.
void use_in_budget(const scene& on) {
    accv_cache::cache_budget budget(0);
    for (const std::string& each : on.paths()) static_cast<void>(budget.use(each).error());
}

const verb verbs[] = {
    {"drop_videos_cache", false, effect::tries_to_evict, 400,
     [](const scene& on) { accv_cache::drop_videos_cache(on.paths()); }},
    {"drop", false, effect::evicts, 400,
     [](const scene& on) { check_report(accv_cache::drop(on.paths())); }},
    {"drop, several threads, sync=false", false, effect::tries_to_evict, 400,
     [](const scene& on) { check_report(accv_cache::drop(on.paths(), on_threads())); }},
    {"drop of a folder", true, effect::evicts, 400,
     [](const scene& on) { check_report(accv_cache::drop({on.tree()})); }},
    {"query", false, effect::none, 400,
     [](const scene& on) { check_report(accv_cache::query(on.paths(), with_spans())); }},
    {"query of a folder", true, effect::none, 400,
     [](const scene& on) { check_report(accv_cache::query({on.tree()}, with_spans())); }},
    {"prefetch of a folder", true, effect::loads, 400,
     [](const scene& on) { check_report(accv_cache::prefetch(on.tree())); }},
    {"cache_budget", false, effect::none, 400, use_in_budget},
    {"holders", false, effect::none, 10, [](const scene& on) { accv_cache::holders(on.paths()); }},
};

/// Makes the call with `change` before its nth system call. False: it has not so many.
bool run_with(const verb& tested, const scene& on, const change& planned, std::size_t nth) {
    std::atomic<std::size_t> count{0};
    std::atomic<bool> changed{false};
    slow_first_file first;
    const hooked_calls hooked([&](const call_site& site) {
        first.wait_at(site);
        if (count++ == nth && !changed.exchange(true)) planned.make(on);
        // Then a hole is data that is not resident, which costs no disk to set up.
        return std::string_view(site.name) == "lseek" ? EINVAL : 0;
    });
    tested.run(on);
    return changed;
}

// Every call; under the thread sanitizer, which is slow, every fifth.
#if defined(__SANITIZE_THREAD__)
constexpr std::size_t step = 5;
#else
constexpr std::size_t step = 1;
#endif

TEST_CASE("a file changes between any two system calls") {
    const scene on;
    const std::string text = content(on.secret());
    std::size_t runs = 0;
    std::thread([] {}).join();  // the thread sanitizer keeps one of its own from the first one on
    for (const verb& tested : verbs) {
        for (const change& planned : changes) {
            const std::string verb_name = tested.name, change_name = planned.name;
            CAPTURE(verb_name);
            CAPTURE(change_name);
            for (std::size_t nth = 0; nth < tested.most_calls; nth += step, ++runs) {
                CAPTURE(nth);
                const bool loads = tested.does == effect::loads;
                on.set_up();
                loads ? on.make_cold() : warm_again({on.secret()});
                const std::int64_t resident = resident_bytes(on.secret());
                const std::ptrdiff_t threads_before = threads();
                const std::ptrdiff_t descriptors = open_descriptors();
                if (!run_with(tested, on, planned, nth)) break;
                CHECK(open_descriptors() == descriptors);
                CHECK(no_thread_remains(threads_before));
                // A name that the caller gave is followed, wherever it leads by then. What a walk
                // found is opened only if it is still there: not a link, not below a link.
                if (tested.does == effect::none)
                    CHECK(kept_bytes(on.secret()) == page);
                else if (tested.walks && fs::hard_link_count(on.secret()) == 1)
                    CHECK((loads ? resident_bytes(on.secret()) <= resident
                                 : kept_bytes(on.secret()) == page));
                CHECK(content(on.secret()) == text);
                for (const std::string& each : on.neighbours()) {
                    CHECK(fs::file_size(each) == static_cast<std::uintmax_t>(page));
                    if (tested.does == effect::evicts) CHECK(resident_bytes(each) == 0);
                }
            }
        }
    }
    std::printf("%zu runs: %zu changes, before each system call of %zu calls\n", runs,
                std::size(changes), std::size(verbs));
}

}  // namespace races
