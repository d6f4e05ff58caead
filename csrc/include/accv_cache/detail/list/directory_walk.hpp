// SPDX-License-Identifier: Apache-2.0
// The walk that finds the files below directories.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "accv_cache/detail/file/descriptor.hpp"
#include "accv_cache/detail/file/file_system.hpp"
#include "accv_cache/detail/file/open_directory.hpp"
#include "accv_cache/detail/list/found_files.hpp"
#include "accv_cache/detail/list/open_below.hpp"
#include "accv_cache/detail/list/path_list.hpp"
#include "accv_cache/detail/list/pattern.hpp"
#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/file_identity.hpp"
#include "accv_cache/version.hpp"
#include "accv_cache/walk.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Finds the regular files below directories: each inode once, names in order.
///
/// Each directory is opened relative to the one that is walked, and links are followed only if the
/// caller asks for it. So the owner of a part of the tree cannot lead the walk out of it.
///
/// It uses only the directory entries (readdir(3), d_type and d_ino), because on a network file
/// system each stat(2) costs a round trip.
template <class Tick>
class directory_walk {
public:
    struct unlistable_folder {
        std::string path;
        int error;  ///< An errno.
    };

    /// `tick()` is called once per directory, `tick.serve()` after a signal; false ends the walk.
    directory_walk(const walk_options& options, Tick& tick) noexcept
        : options_(options), tick_(tick) {}

    /// Appends what it finds below `root` to `files()` and the other lists. Returns false if the
    /// tick stopped it.
    bool run(const std::string& root) {
        directory_ = {root, {}};
        top_.reset();  // first, to keep no more than two descriptors open
        pending_.assign(1, folder{root, std::nullopt});
        while (!pending_.empty()) {
            if (!tick_()) return false;
            folder next = std::move(pending_.back());
            pending_.pop_back();
            int error = list(next);
            for (int tries = 1; error == EINTR && tries != most_tries; ++tries) {
                if (!tick_.serve()) return false;
                error = list(next);
            }
            if (error != 0) unlistable_.push_back({std::move(next.path), error});
        }
        return true;
    }

    const path_list& files() const noexcept { return files_; }
    /// The inode of each file; 0 where it is not known.
    const std::vector<ino_t>& inodes() const noexcept { return inodes_; }
    /// The directory that was walked last.
    const walked_directory& directory() const noexcept { return directory_; }
    const std::vector<unlistable_folder>& unlistable() const noexcept { return unlistable_; }
    const std::vector<skipped_path>& skipped() const noexcept { return skipped_; }

private:
    /// Signals may interrupt a call repeatedly, and some servers return EINTR every time.
    static constexpr int most_tries = 100;

    /// Identifies a mount. The device does not: each Btrfs subvolume has its own.
    struct mount {
        std::optional<std::uint64_t> number;  // Linux 5.8
        dev_t device = 0;

        bool is(const mount& other) const noexcept {
            return number && other.number ? number == other.number : device == other.device;
        }
    };
    struct folder {
        std::string path;
        std::optional<mount> within;  // the mount that it must be on; nullopt: any
    };
    struct entry {
        std::string name;
        unsigned char type;
        ino_t number;
    };

    /// Returns 0 or an errno. After EINTR nothing was added.
    int list(const folder& where) {
        const bool is_top = where.path.size() == directory_.path.size();
        const open_directory directory = open(where, is_top);
        struct stat status{};
        if (!directory) return directory.error();
        if (const int error = sys::fstat(directory.fd(), status)) return -error;
        mount here{std::nullopt, status.st_dev};
        if (const int error = find_number(directory.fd(), here)) return error;
        if (where.within && !where.within->is(here)) {
            skipped_.push_back({where.path, skip_reason::OTHER_FILE_SYSTEM});
            return 0;
        }
        if (is_top) {
            directory_.identity = file_identity::of(status);
            entries_tell_inodes_ = entries_tell_inodes(directory.fd());
            top_ = descriptor::own(sys::fcntl(directory.fd(), F_DUPFD_CLOEXEC));
            if (!top_) return top_.error();
        }

        std::vector<entry> entries;
        const int error = directory.for_each_entry(
            [&](const dirent& each) { entries.push_back({each.d_name, each.d_type, each.d_ino}); });
        if (error == EINTR) return error;
        if (options_.follow_symlinks && !folders_.insert(file_identity::of(status)).second)
            return 0;
        std::sort(entries.begin(), entries.end(),
                  [](const entry& left, const entry& right) { return left.name < right.name; });
        const auto own = static_cast<std::ptrdiff_t>(pending_.size());
        const place among{where.path, directory.fd(), status.st_dev, where.within.value_or(here)};
        for (const entry& each : entries) take(among, each);
        std::reverse(pending_.begin() + own, pending_.end());  // the last is listed next
        return error;
    }

    open_directory open(const folder& where, bool is_top) const noexcept {
        if (is_top || options_.follow_symlinks) return open_directory(where.path.c_str());
        const char* const below = where.path.c_str() + directory_.below();
        return open_directory(open_below(top_.get(), below, open_directory::flags));
    }

    /// Where entries were found.
    struct place {
        const std::string& path;
        int fd;
        dev_t device;
        const mount& within;
    };

    struct kind_of_entry {
        unsigned char type;  // as in readdir(3)
        file_identity found;
        bool is_known;  // whether `found` is the file itself
    };

    /// Returns 0 or -errno. A broken link and a name that vanished are no errors here.
    int look_closer(const place& parent, const entry& each, kind_of_entry& kind) const noexcept {
        struct stat status{};
        const int result = look_at(parent, each, status);
        if (result == 0)
            kind = {static_cast<unsigned char>(IFTODT(status.st_mode)), file_identity::of(status),
                    true};
        return result == -ENOENT || result == -ELOOP ? 0 : result;
    }

    void take(const place& parent, const entry& each) {
        std::string path = parent.path;
        if (path.back() != '/') path += '/';
        path += each.name;
        if (matches_any(options_.exclude, path)) return;
        kind_of_entry kind{each.type, {parent.device, each.number}, entries_tell_inodes_};
        const bool followed = each.type == DT_LNK && options_.follow_symlinks;
        if (each.type == DT_UNKNOWN || followed) {
            if (const int error = -look_closer(parent, each, kind)) {  // it may be a directory
                unlistable_.push_back({std::move(path), error});
                return;
            }
        }
        const auto [type, found, is_known] = kind;
        if (type == DT_DIR) {
            if (options_.recursive)
                pending_.push_back(
                    {std::move(path), followed ? std::nullopt : std::optional(parent.within)});
        } else if (type == DT_LNK && !followed) {
            skipped_.push_back({std::move(path), skip_reason::SYMBOLIC_LINK});
        } else if (type == DT_REG || type == DT_LNK || type == DT_UNKNOWN) {
            // A broken link or a name that vanished gives its error when it is opened.
            const bool wanted = options_.include.empty() || matches_any(options_.include, path);
            if (!wanted || !is_small(parent, each) || !is_new(parent, each, found, is_known))
                return;
            files_.append(path);
            inodes_.push_back(is_known ? found.inode : 0);
        } else {
            skipped_.push_back({std::move(path), skip_reason::SPECIAL_FILE});
        }
    }

    /// Returns 0 or -errno.
    int look_at(const place& parent, const entry& each, struct stat& status) const noexcept {
        const int flags = options_.follow_symlinks ? 0 : AT_SYMLINK_NOFOLLOW;
        return sys::fstatat(parent.fd, each.name.c_str(), status, flags);
    }

    bool matches_any(const std::vector<std::string>& patterns, const std::string& path) const {
        const char* const below = path.c_str() + directory_.below();
        return std::any_of(patterns.begin(), patterns.end(), [below](const std::string& pattern) {
            return matches(pattern.c_str(), below);
        });
    }

    /// Whether a file is within the size limit. A file whose size cannot be read is; opening it
    /// gives the error.
    bool is_small(const place& parent, const entry& each) const noexcept {
        struct stat status{};
        return !options_.max_size_bytes || look_at(parent, each, status) != 0 ||
               status.st_size <= *options_.max_size_bytes;
    }

    /// Whether no other name of the same inode was found before. The inode number of an entry may
    /// be ambiguous, so stat(2) confirms it.
    bool is_new(const place& parent, const entry& each, const file_identity& found, bool is_known) {
        const auto [first, fresh] = first_names_.try_emplace(found, files_.size());
        if (fresh || is_known) return fresh;
        struct stat one{};
        struct stat other{};
        return sys::stat(files_[first->second], one) != 0 || look_at(parent, each, other) != 0 ||
               file_identity::of(one) != file_identity::of(other);
    }

    /// Returns 0 or an errno. A kernel without mount numbers is no error.
    static int find_number(int fd, mount& of) noexcept {
        sys::extended_status status{};
        const int error = sys::statx(fd, "", AT_EMPTY_PATH, sys::statx_mount, status);
        if (error == -ENOSYS || error == -EPERM) return 0;  // missing, or refused by a sandbox
        if (error == 0 && (status.mask & sys::statx_mount) != 0) of.number = status.mount;
        return -error;
    }

    const walk_options& options_;
    Tick& tick_;
    walked_directory directory_;
    descriptor top_;
    bool entries_tell_inodes_ = false;
    std::vector<folder> pending_;
    std::unordered_set<file_identity, file_identity_hash> folders_;
    std::unordered_map<file_identity, std::size_t, file_identity_hash> first_names_;
    path_list files_;
    std::vector<ino_t> inodes_;
    std::vector<unlistable_folder> unlistable_;
    std::vector<skipped_path> skipped_;
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
