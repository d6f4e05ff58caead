// SPDX-License-Identifier: Apache-2.0
// What a test does around the system calls of the core: look at each, make it fail, change the
// files.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace accv_cache::test {

/// What a system call is about: a descriptor, a name below a folder, or neither.
struct subject {
    int folder = -1;
    const char* name = nullptr;  ///< "": the descriptor `folder` itself.
};

/// One system call, as the hook sees it.
struct call_site {
    const char* name;
    subject about;
    /// Of a call that is about nothing, such as mincore(2), that of the call before on the same
    /// thread.
    ino_t inode;
};

/// Called before each system call, on its thread. A positive errno is what the call then fails
/// with, without being made; only what gives something back (close(2), munmap(2), closedir(3),
/// pthread_join(3)) is made all the same.
using hook_before = std::function<int(const call_site&)>;
/// Called after each system call that was made, with errno as the call left it.
using hook_after = std::function<void(const call_site&)>;

inline hook_before before_call;
inline hook_after after_call;

/// Changes the resident and the evicted pages that cachestat(2) has told.
using hook_cachestat = std::function<void(std::uint64_t& cached, std::uint64_t& evicted)>;

/// Removed with the other hooks.
inline hook_cachestat after_cachestat;

/// Puts hooks in place for the time of a block, in which no thread of the core may outlive it.
class hooked_calls {
public:
    explicit hooked_calls(hook_before before, hook_after after = {}) {
        before_call = std::move(before);
        after_call = std::move(after);
    }
    hooked_calls(const hooked_calls&) = delete;
    hooked_calls& operator=(const hooked_calls&) = delete;
    ~hooked_calls() {
        before_call = {};
        after_call = {};
        after_cachestat = {};
    }
};

/// Lets a call take this long.
inline void spin(int microseconds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(microseconds);
    while (std::chrono::steady_clock::now() < end) continue;
}

/// Lets the first file of a batch take so long that the rest of the list is given to threads.
class slow_first_file {
public:
    void wait_at(const call_site& site) {
        const std::string_view name = site.name;
        if ((name != "posix_fadvise" && name != "cachestat") || done_.exchange(true)) return;
        spin(300);
    }
    void again() { done_ = false; }

private:
    std::atomic<bool> done_{false};
};

// ---- what a call is about
// ------------------------------------------------------------------

template <class... Rest>
subject subject_of(int fd, const Rest&...) noexcept {
    return {fd, ""};
}
template <class... Rest>
subject subject_of(int folder, const char* path, const Rest&...) noexcept {
    return {folder, path};
}
template <class... Rest>
subject subject_of(const char* path, const Rest&...) noexcept {
    return {AT_FDCWD, path};
}
template <class... Rest>
subject subject_of(DIR* directory, const Rest&...) noexcept {
    return {::dirfd(directory), ""};
}
inline subject subject_of() noexcept { return {}; }
template <class First, class... Rest>
subject subject_of(const First&, const Rest&...) noexcept {
    return {};
}

inline thread_local ino_t last_inode = 0;

inline ino_t inode_of(const subject& about) noexcept {
    struct stat status{};
    if (about.name == nullptr) return last_inode;
    if (::fstatat(about.folder, about.name, &status, AT_EMPTY_PATH) == 0)
        last_inode = status.st_ino;
    return last_inode;
}

/// The path of what a call is about; "" for a call about nothing.
inline std::string path_of(const subject& about) {
    if (about.name == nullptr) return {};
    if (about.folder == AT_FDCWD || about.name[0] == '/') return about.name;
    char folder[PATH_MAX];
    const std::string link = "/proc/thread-self/fd/" + std::to_string(about.folder);
    const ssize_t length = ::readlink(link.c_str(), folder, sizeof folder);
    std::string path(folder, static_cast<std::size_t>(length < 0 ? 0 : length));
    return about.name[0] == '\0' ? path : path + '/' + about.name;
}

}  // namespace accv_cache::test
