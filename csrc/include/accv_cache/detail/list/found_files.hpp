// SPDX-License-Identifier: Apache-2.0
// The files of a list that a walk found, and how to open them.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "accv_cache/detail/file/descriptor.hpp"
#include "accv_cache/detail/list/open_below.hpp"
#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/file_identity.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// A directory that was walked.
struct walked_directory {
    std::string path;
    file_identity identity;

    /// The position in the path of a file below it where the relative path starts.
    std::size_t below() const noexcept {
        return path.size() + (path.empty() || path.back() != '/' ? 1 : 0);
    }
    friend bool operator==(const walked_directory& left, const walked_directory& right) noexcept {
        return left.identity == right.identity && left.path == right.path;
    }
};

/// Which positions of a list are files that a walk found.
///
/// Such a file is opened relative to the directory that was walked, without following links, and
/// must be the regular file that was found. So the owner of a part of the tree cannot have another
/// file opened. The threads of a call share one open directory at a time.
class found_files {
public:
    /// Adds the file at `position`, which must be behind those added before. An inode of 0 is
    /// unknown.
    void add(std::size_t position, const walked_directory& directory, ino_t inode) {
        if (runs_.empty() || runs_.back().end() != position ||
            !(runs_.back().directory == directory))
            runs_.push_back({position, directory, {}});
        runs_.back().inodes.push_back(inode);
    }

    /// Copies a file of another list, if a walk found it there.
    void add(std::size_t position, const found_files& other, std::size_t position_there) {
        if (const run* const there = other.run_of(position_there))
            add(position, there->directory, there->inode_at(position_there));
    }

    bool has(std::size_t position) const noexcept { return run_of(position) != nullptr; }

    /// Opens the file at `position`, which a walk must have found. ESTALE: the directory is no
    /// longer the one that was walked.
    descriptor open(std::size_t position, const char* path) const noexcept {
        const run& files = *run_of(position);
        const char* const below = path + files.directory.below();
        {
            const std::shared_lock lock(now_->mutex);
            if (now_->files == &files)
                return open_below(now_->folder.get(), below, descriptor::open_flags);
        }
        const std::unique_lock lock(now_->mutex);
        if (now_->files != &files)
            if (const int error = exchange_directory(files)) return descriptor::own(error);
        return open_below(now_->folder.get(), below, descriptor::open_flags);
    }

    /// Whether what was opened at `position` is still the regular file that was found. A directory
    /// lists a file on which another one is mounted with the inode of the file below.
    bool is_the_same(std::size_t position, int fd, const struct stat& status) const noexcept {
        const ino_t inode = run_of(position)->inode_at(position);
        return S_ISREG(status.st_mode) && (inode == 0 || inode == status.st_ino || is_mounted(fd));
    }

private:
    /// Files found below one directory, at consecutive positions.
    struct run {
        std::size_t first;
        walked_directory directory;
        std::vector<ino_t> inodes;

        std::size_t end() const noexcept { return first + inodes.size(); }
        ino_t inode_at(std::size_t position) const noexcept { return inodes[position - first]; }
    };

    /// The directory that is open now.
    struct open_now {
        std::shared_mutex mutex;
        const run* files = nullptr;
        descriptor folder;
    };

    /// Whether the file itself is a mount, as containers have for single files. Who owns the tree
    /// cannot mount there.
    static bool is_mounted(int fd) noexcept {
        sys::extended_status status{};
        return sys::statx(fd, "", AT_EMPTY_PATH, sys::statx_type, status) == 0 &&
               (status.attributes & sys::statx_is_mount_root) != 0;
    }

    const run* run_of(std::size_t position) const noexcept {
        const auto after = std::upper_bound(
            runs_.begin(), runs_.end(), position,
            [](std::size_t sought, const run& each) { return sought < each.first; });
        if (after == runs_.begin()) return nullptr;
        const run& files = *(after - 1);
        return position < files.end() ? &files : nullptr;
    }

    /// Returns 0 or -errno.
    int exchange_directory(const run& files) const noexcept {
        now_->files = nullptr;
        now_->folder.reset();  // first, so that one descriptor is enough
        now_->folder = descriptor::own(
            sys::open(files.directory.path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        struct stat status{};
        if (!now_->folder) return -now_->folder.error();
        if (const int error = sys::fstat(now_->folder.get(), status)) return error;
        if (file_identity::of(status) != files.directory.identity) return -ESTALE;
        now_->files = &files;
        return 0;
    }

    std::vector<run> runs_;
    std::unique_ptr<open_now> now_ = std::make_unique<open_now>();
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
