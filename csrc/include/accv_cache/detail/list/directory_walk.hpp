// SPDX-License-Identifier: Apache-2.0
// The walk that finds the files below directories.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "accv_cache/detail/file/file_identity.hpp"
#include "accv_cache/detail/file/open_directory.hpp"
#include "accv_cache/detail/list/path_list.hpp"
#include "accv_cache/detail/list/pattern.hpp"
#include "accv_cache/walk.hpp"

namespace accv_cache::detail {

/// Finds the regular files below directories: each inode once, names in order.
///
/// It asks for no more than directory entries tell (readdir(3), d_type and d_ino), because on a
/// network file system a stat(2) a file costs a round trip each.
template <class Tick>
class directory_walk {
public:
    struct unlistable_folder {
        std::string path;
        int error;  ///< An errno.
    };

    /// `tick()` is asked once a directory, and false ends the walk.
    directory_walk(const walk_options& options, Tick& tick) noexcept
        : options_(options), tick_(tick) {}

    /// Appends what it finds below `root` to `files()` and to the two other lists. False if the
    /// tick asked to stop.
    bool run(const std::string& root) {
        below_root_ = root.back() == '/' ? root.size() : root.size() + 1;
        pending_.assign(1, folder{root, any_mount});
        while (!pending_.empty()) {
            if (!tick_()) return false;
            const folder next = std::move(pending_.back());
            pending_.pop_back();
            if (const int error = list(next)) unlistable_.push_back({next.path, error});
        }
        return true;
    }

    const path_list& files() const noexcept { return files_; }
    const std::vector<unlistable_folder>& unlistable() const noexcept { return unlistable_; }
    const std::vector<skipped_path>& skipped() const noexcept { return skipped_; }

private:
    static constexpr std::uint64_t any_mount = ~std::uint64_t{0};

    struct folder {
        std::string path;
        std::uint64_t mount;  // where its parent is; any_mount where that does not matter
    };
    struct entry {
        std::string name;
        unsigned char type;
        ino_t number;
    };

    /// Returns 0 or an errno.
    int list(const folder& where) {
        const open_directory directory(where.path.c_str());
        struct stat status{};
        if (!directory) return directory.error();
        if (::fstat(directory.fd(), &status) != 0) return errno;
        const std::uint64_t mount = mount_of(directory.fd(), status);
        if (where.mount != any_mount && where.mount != mount) {
            skipped_.push_back({where.path, skip_reason::OTHER_FILE_SYSTEM});
            return 0;
        }
        if (options_.follow_symlinks && !folders_.insert(file_identity::of(status)).second)
            return 0;

        std::vector<entry> entries;
        const int error = directory.for_each_entry(
            [&](const dirent& each) { entries.push_back({each.d_name, each.d_type, each.d_ino}); });
        std::sort(entries.begin(), entries.end(),
                  [](const entry& left, const entry& right) { return left.name < right.name; });
        const auto own = static_cast<std::ptrdiff_t>(pending_.size());
        for (const entry& each : entries) take(where.path, mount, status.st_dev, each);
        std::reverse(pending_.begin() + own, pending_.end());  // the last is listed next
        return error;
    }

    void take(const std::string& parent, std::uint64_t mount, dev_t device, const entry& each) {
        std::string path = parent;
        if (path.back() != '/') path += '/';
        path += each.name;
        if (matches_any(options_.exclude, path)) return;
        unsigned char type = each.type;
        file_identity found{device, each.number};
        const bool followed = type == DT_LNK && options_.follow_symlinks;
        if (type == DT_UNKNOWN || followed) {
            struct stat status{};
            const int flags = options_.follow_symlinks ? 0 : AT_SYMLINK_NOFOLLOW;
            if (::fstatat(AT_FDCWD, path.c_str(), &status, flags) == 0) {
                type = static_cast<unsigned char>(IFTODT(status.st_mode));
                found = file_identity::of(status);
            }
        }
        if (type == DT_DIR) {
            if (options_.recursive) pending_.push_back({path, followed ? any_mount : mount});
        } else if (type == DT_LNK && !followed) {
            skipped_.push_back({path, skip_reason::SYMBOLIC_LINK});
        } else if (type == DT_REG || type == DT_LNK || type == DT_UNKNOWN) {
            // A link that leads nowhere, or a name that vanished: opening it will tell.
            const bool wanted = options_.include.empty() || matches_any(options_.include, path);
            if (wanted && is_small(path) && is_new(path, found)) files_.append(path);
        } else {
            skipped_.push_back({path, skip_reason::SPECIAL_FILE});
        }
    }

    bool matches_any(const std::vector<std::string>& patterns, const std::string& path) const {
        const char* const below = path.c_str() + below_root_;
        return std::any_of(patterns.begin(), patterns.end(), [below](const std::string& pattern) {
            return matches(pattern.c_str(), below);
        });
    }

    /// Whether a file is no larger than was asked for. What cannot be told is: opening it will say
    /// why.
    bool is_small(const std::string& path) const {
        struct stat status{};
        return !options_.max_size_bytes || ::stat(path.c_str(), &status) != 0 ||
               status.st_size <= *options_.max_size_bytes;
    }

    /// Whether no other name of the same inode was found before. Entries tell an inode's number
    /// for nothing; but on overlayfs two files may share one, so a match is confirmed by stat(2).
    bool is_new(const std::string& path, const file_identity& found) {
        const auto [first, fresh] = first_names_.try_emplace(found, files_.size());
        if (fresh) return true;
        struct stat one{};
        struct stat other{};
        return ::stat(files_[first->second], &one) != 0 || ::stat(path.c_str(), &other) != 0 ||
               file_identity::of(one) != file_identity::of(other);
    }

    /// What tells one mount from another. Devices do not: each Btrfs subvolume has its own.
    static std::uint64_t mount_of(int fd, const struct stat& status) noexcept {
#if defined(STATX_MNT_ID)
        struct statx extended{};
        if (::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &extended) == 0 &&
            (extended.stx_mask & STATX_MNT_ID) != 0)  // Linux 5.8
            return extended.stx_mnt_id;
#endif
        static_cast<void>(fd);
        return status.st_dev;
    }

    const walk_options& options_;
    Tick& tick_;
    std::size_t below_root_ = 0;
    std::vector<folder> pending_;
    std::unordered_set<file_identity, file_identity_hash> folders_;
    std::unordered_map<file_identity, std::size_t, file_identity_hash> first_names_;
    path_list files_;
    std::vector<unlistable_folder> unlistable_;
    std::vector<skipped_path> skipped_;
};

}  // namespace accv_cache::detail
