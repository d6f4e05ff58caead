// SPDX-License-Identifier: Apache-2.0
// What a test does around the system calls of the core: look at each, make it fail, change the
// files.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <string_view>
#include <utility>

namespace accv_cache::test {

/// One system call, as the hook sees it.
struct call_site {
    const char* name;
    /// The inode that it is about; of a call that takes neither descriptor nor name, such as
    /// mincore(2), that of the call before on the same thread.
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
    }
};

/// Lets the first file of a batch take so long that the rest of the list is given to threads.
class slow_first_file {
public:
    void wait_at(const call_site& site) {
        const std::string_view name = site.name;
        if ((name != "posix_fadvise" && name != "cachestat") || done_.exchange(true)) return;
        const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(300);
        while (std::chrono::steady_clock::now() < end) continue;
    }
    void again() { done_ = false; }

private:
    std::atomic<bool> done_{false};
};

// ---- which file a call is about
// ------------------------------------------------------------------

inline thread_local ino_t last_inode = 0;

inline ino_t remember(bool found, const struct stat& status) noexcept {
    if (found) last_inode = status.st_ino;
    return last_inode;
}

template <class... Rest>
ino_t inode_of(int fd, const Rest&...) noexcept {
    struct stat status{};
    return remember(::fstat(fd, &status) == 0, status);
}
template <class... Rest>
ino_t inode_of(int folder, const char* path, const Rest&...) noexcept {
    struct stat status{};
    const int flags = path[0] == '\0' ? AT_EMPTY_PATH : 0;
    return remember(::fstatat(folder, path, &status, flags) == 0, status);
}
inline ino_t inode_of() noexcept { return last_inode; }
template <class... Rest>
ino_t inode_of(const char* path, const Rest&...) noexcept {
    return inode_of(AT_FDCWD, path);
}
template <class... Rest>
ino_t inode_of(DIR* directory, const Rest&...) noexcept {
    return inode_of(::dirfd(directory));
}
template <class First, class... Rest>
ino_t inode_of(const First&, const Rest&...) noexcept {
    return last_inode;
}

}  // namespace accv_cache::test
