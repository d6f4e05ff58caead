// SPDX-License-Identifier: Apache-2.0
// Each allocation of a whole call fails once: the call answers, and nothing remains of it.
#include <dirent.h>
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <new>
#include <string>
#include <vector>

#include "accv_cache/accv_cache.hpp"
#include "faults/hook.hpp"
#include "support.hpp"

namespace {

/// Counts the allocations of the process, and lets one of them fail.
std::atomic<bool> is_counting{false};
std::atomic<std::size_t> allocations{0};
std::atomic<std::size_t> failing{0};
std::atomic<std::ptrdiff_t> alive{0};

bool may_allocate() noexcept { return !is_counting || allocations++ != failing; }
void* counted(void* memory) noexcept {
    if (memory != nullptr) ++alive;
    return memory;
}

}  // namespace

// A sanitizer brings its own malloc; there, only what C++ allocates can be made to fail.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

void* operator new(std::size_t bytes) {
    void* const memory = may_allocate() ? counted(std::malloc(bytes)) : nullptr;
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
    return may_allocate() ? counted(std::malloc(bytes)) : nullptr;
}
void operator delete(void* memory) noexcept {
    if (memory != nullptr) --alive;
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }

#else

// What the C library allocates also comes here: opendir(3), CPU_ALLOC(3), pthread_create(3).
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t bytes) {
    if (may_allocate()) return counted(__libc_malloc(bytes));
    errno = ENOMEM;
    return nullptr;
}
void* calloc(std::size_t count, std::size_t bytes) {
    if (may_allocate()) return counted(__libc_calloc(count, bytes));
    errno = ENOMEM;
    return nullptr;
}
void* realloc(void* memory, std::size_t bytes) {
    if (may_allocate()) return memory == nullptr ? malloc(bytes) : __libc_realloc(memory, bytes);
    errno = ENOMEM;
    return nullptr;
}
void free(void* memory) {
    if (memory != nullptr) --alive;
    __libc_free(memory);
}
}

#endif

namespace {

using namespace accv_cache::test;
using accv_cache::DropCacheStatus;

/// Lets each allocation of `call` fail, one in each run, until a run needs no more of them. Such a
/// run throws std::bad_alloc, or does without and gives an answer that is right.
void fail_each(const std::function<bool()>& call, const std::function<void()>& prepare = [] {}) {
    slow_first_file first;  // what threads allocate is to be among it
    const hooked_calls hooked([&](const call_site& site) { return first.wait_at(site), 0; });
    prepare();
    REQUIRE(call());  // what is made once and kept, such as the stacks of threads
    const std::ptrdiff_t threads_before = threads();
    const std::ptrdiff_t descriptors = open_descriptors();
    const std::ptrdiff_t alive_before = alive;
    std::size_t threw = 0;
    for (failing = 0;; ++failing) {
        prepare();
        first.again();
        allocations = 0;
        bool right = true;
        is_counting = true;
        try {
            right = call();
        } catch (const std::bad_alloc&) {
            ++threw;
        }
        is_counting = false;
        CAPTURE(failing.load());
        CHECK(right);
        CHECK(open_descriptors() == descriptors);
        CHECK(no_thread_remains(threads_before));
        if (allocations <= failing) break;
    }
    // A thread's own memory may be kept for the next one; what a run leaks shows in each.
    CHECK(alive - alive_before < static_cast<std::ptrdiff_t>(failing / 8 + 8));
    std::printf("%zu allocations failed, %zu of them ended the call by std::bad_alloc\n",
                failing.load(), threw);
}

/// Files in a folder and in one below it.
struct tree {
    temporary_folder folder;
    std::vector<std::string> paths;

    tree() {
        paths = write_many_dirty(folder, 16);
        std::filesystem::create_directory(folder / "below");
        for (const char* const name : {"below/a", "below/b", "below/c"})
            paths.push_back(write_dirty(folder / name, page));
    }
    void make_dirty() const {
        for (const std::string& each : paths) write_dirty(each, page, page);
    }
};

constexpr std::size_t worker_counts[] = {1, 0, 4};

TEST_CASE("drop_videos_cache, which throws nothing") {
    const tree files;
    fail_each([&]() noexcept {
        const DropCacheStatus status = accv_cache::drop_videos_cache(files.paths);
        return status == DropCacheStatus::SUCCESS || status == DropCacheStatus::UNKNOWN_ERROR;
    });
}

TEST_CASE("drop") {
    const tree files;
    for (const std::size_t workers : worker_counts)
        for (const bool fail_fast : {false, true}) {
            accv_cache::drop_options options;
            options.workers = workers;
            options.fail_fast = fail_fast;
            fail_each([&] { return accv_cache::drop(files.paths, options).ok(); });
        }
}

TEST_CASE("drop of files just written, below a folder") {
    const tree files;
    for (const std::size_t workers : worker_counts) {
        accv_cache::drop_options options;
        options.workers = workers;
        const auto call = [&] {
            const accv_cache::drop_report report = accv_cache::drop({files.folder.path()}, options);
            for (std::size_t i = 0; i != report.size(); ++i)
                if (report[i].error != 0 && report[i].error != ENOMEM) return false;
            return true;
        };
        fail_each(call, [&] { files.make_dirty(); });
    }
}

TEST_CASE("query, with and without spans, below a folder") {
    const tree files;
    for (const std::size_t workers : worker_counts)
        for (const bool spans : {false, true}) {
            accv_cache::query_options options;
            options.workers = workers;
            options.spans = spans;
            fail_each([&] {
                const accv_cache::cache_report report =
                    accv_cache::query({files.folder.path()}, options);
                for (std::size_t i = 0; i != report.size(); ++i)
                    if (report[i].error != 0 && report[i].error != ENOMEM) return false;
                return true;
            });
        }
}

TEST_CASE("prefetch below a folder, and of what a report has") {
    const tree files;
    accv_cache::query_options with_spans;
    with_spans.spans = true;
    const accv_cache::cache_report warm = accv_cache::query(files.folder.path(), with_spans);
    const auto is_right = [](const accv_cache::prefetch_report& report) {
        for (std::size_t i = 0; i != report.size(); ++i)
            if (report[i].error != 0 && report[i].error != ENOMEM) return false;
        return true;
    };
    for (const std::size_t workers : worker_counts)
        for (const bool wait : {false, true}) {
            accv_cache::prefetch_options options;
            options.workers = workers;
            options.wait = wait;
            const auto make_cold = [&] { accv_cache::drop(files.paths); };
            fail_each([&] { return is_right(prefetch(files.folder.path(), options)); }, make_cold);
            fail_each([&] { return is_right(prefetch(warm, options)); }, make_cold);
        }
}

TEST_CASE("drop of what came in since") {
    const tree files;
    accv_cache::query_options with_spans;
    with_spans.spans = true;
    const accv_cache::cache_report warm = accv_cache::query(files.folder.path(), with_spans);
    accv_cache::drop_options options;
    options.keep = &warm;
    fail_each([&] { return accv_cache::drop(files.paths, options).ok(); });
}

TEST_CASE("cache_budget") {
    const tree files;
    fail_each([&] {
        accv_cache::cache_budget budget(2 * page);
        for (const std::string& each : files.paths) {
            const auto use = budget.use(each, 0, page);
            if (use.error() != 0 && use.error() != ENOMEM) return false;
        }
        budget.close();
        return true;
    });
}

/// Appends, and says whether the memory sufficed.
template <class List, class Item>
bool appends(List& list, const Item& item) {
    try {
        list.append(item);
    } catch (const std::bad_alloc&) {
        return false;
    }
    return true;
}

TEST_CASE("a list of files without memory for one more is as before") {
    const tree files;
    const open_descriptor lent(files.paths[0]);
    const std::string name = accv_cache::detail::name_of(lent.get());
    fail_each([&] {
        accv_cache::targets list;
        std::vector<std::string> names;
        names.reserve(2 * files.paths.size());
        for (const std::string& each : files.paths) {
            if (appends(list, accv_cache::target(lent.get()))) names.push_back(name);
            if (appends(list, accv_cache::target(each))) names.push_back(each);
        }
        for (const auto& each : list.descriptors())
            if (names.at(each.position) != name) return false;
        for (std::size_t i = 0; i != names.size(); ++i)
            if (list.paths().text(i) != names[i]) return false;
        return list.size() == names.size();
    });
}

TEST_CASE("a report without memory for another has the path of each record") {
    const tree files;
    const accv_cache::drop_report one = accv_cache::drop(files.paths);
    fail_each([&] {
        accv_cache::drop_report sum;
        for (int i = 0; i != 3; ++i) {
            try {
                sum += one;
            } catch (const std::bad_alloc&) {
                const std::size_t kept = sum.size();
                sum += sum;
                if (sum.size() != 2 * kept) return false;
            }
        }
        for (const auto& file : sum)
            for (std::size_t i = 0; i != one.size(); ++i)
                if (file.record.identity == one[i].identity && file.path != one.path(i))
                    return false;
        return true;
    });
}

TEST_CASE("files that the caller holds open") {
    const tree files;
    const open_descriptor lent(files.paths[0]);
    accv_cache::query_options with_spans;
    with_spans.spans = true;
    fail_each([&] { return accv_cache::drop({lent.get(), files.paths[1]}).ok(); });
    fail_each([&] { return accv_cache::query({lent.get(), files.paths[1]}, with_spans).ok(); });
    fail_each([&] { return accv_cache::prefetch({lent.get(), files.paths[1]}).ok(); });
}

TEST_CASE("holders") {
    const tree files;
    const mapped_file mapped(files.paths[0]);
    fail_each([&] {
        const accv_cache::holders_report report = accv_cache::holders(files.paths);
        const bool is_found = std::any_of(
            report.holders.begin(), report.holders.end(), [](const accv_cache::holder& each) {
                return each.process == ::getpid() && each.file == 0 && each.mapped_bytes == page;
            });
        return is_found || report.error != 0 || report.unreadable_processes != 0;
    });
}

TEST_CASE("the memory of the cgroup") {
    fail_each([] { return accv_cache::cgroup_memory(), true; });
}

}  // namespace
