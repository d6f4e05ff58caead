// SPDX-License-Identifier: Apache-2.0
// The list of files that a verb works on, and how to open each.
#pragma once

#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "accv_cache/detail/file/descriptor.hpp"
#include "accv_cache/detail/file/file_status.hpp"
#include "accv_cache/detail/list/found_files.hpp"
#include "accv_cache/detail/list/path_list.hpp"
#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/file_identity.hpp"
#include "accv_cache/report.hpp"
#include "accv_cache/targets.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// An open file of a list: its own descriptor, or one that the caller lent.
struct open_file {
    descriptor own;
    descriptor lent;  ///< A duplicate: another thread may close the caller's own meanwhile.
    int fd = -1;
    failed_step failed = failed_step::NONE;
    int error = 0;  ///< The errno of a failure; 0: none.
    struct stat status{};
};

/// The files that a verb works on: paths, and descriptors that the caller holds open.
class target_list {
public:
    target_list() = default;

    explicit target_list(targets files) : paths_(files.take_paths()) {
        for (const auto& each : files.descriptors()) {
            struct stat status{};
            sys::fstat(each.number, status);  // an error will occur again in `open`
            lent_.emplace(each.position, lent_file{each.number, file_identity::of(status)});
        }
    }

    void append(std::string_view path) { paths_.append(path); }

    /// Appends a directory that could not be listed, with the errno.
    void append_unlistable(std::string_view path, int error) {
        refused_.emplace(paths_.size(), error);
        paths_.append(path);
    }

    /// Keeps at most the first `count`.
    void truncate(std::size_t count) { paths_.truncate(count); }

    /// Appends a file that a walk found below `directory`.
    void append_found(std::string_view path, const walked_directory& directory, ino_t inode) {
        found_.add(paths_.size(), directory, inode);
        paths_.append(path);
    }

    /// Appends a target of another list.
    void append(const target_list& other, std::size_t position) {
        found_.add(paths_.size(), other.found_, position);
        const auto lent = other.lent_.find(position);
        if (lent != other.lent_.end()) lent_.emplace(paths_.size(), lent->second);
        const auto refused = other.refused_.find(position);
        if (refused != other.refused_.end()) refused_.emplace(paths_.size(), refused->second);
        paths_.append(other.paths_.text(position));
    }

    std::size_t size() const noexcept { return paths_.size(); }
    const path_list& paths() const noexcept { return paths_; }
    path_list&& take_paths() noexcept { return std::move(paths_); }
    bool has_descriptors() const noexcept { return !lent_.empty(); }
    bool is_lent(std::size_t position) const noexcept {
        return !lent_.empty() && lent_.count(position) != 0;
    }

    /// Opens the file, or takes the descriptor that was lent, and reads its status.
    open_file open(std::size_t position) const noexcept {
        open_file file;
        const bool found = found_.has(position);
        const auto fail = [&file](failed_step step, int error) {
            file.failed = step;
            file.error = error;
        };
        if (is_lent(position)) {
            const int fd = lent_.find(position)->second.fd;
            file.lent = descriptor::duplicate(fd);
            // With no descriptor available, use the caller's own.
            const bool is_short = is_out_of_descriptors(file.lent.error());
            file.fd = is_short ? fd : file.lent.get();
            if (!file.lent && !is_short) fail(failed_step::STATUS, file.lent.error());
        } else if (const auto refused = refused_.find(position); refused != refused_.end()) {
            fail(failed_step::OPEN, refused->second);
        } else if (paths_.has_nul(position)) {
            fail(failed_step::NAME, EINVAL);
        } else {
            file.own = found ? found_.open(position, paths_[position])
                             : descriptor::open(paths_[position]);
            file.fd = file.own.get();
            if (!file.own) fail(failed_step::OPEN, file.own.error());
        }
        if (file.error == 0)
            if (const int error = -read_status(file.fd, file.status))
                fail(failed_step::STATUS, error);
        if (file.error == 0 && found && !found_.is_the_same(position, file.fd, file.status))
            fail(failed_step::OPEN, ESTALE);
        // The number was closed and now belongs to another file.
        if (file.error == 0 && is_lent(position) &&
            !(lent_.find(position)->second.file == file_identity::of(file.status)))
            fail(failed_step::STATUS, EBADF);
        return file;
    }

private:
    struct lent_file {
        int fd;
        file_identity file;  ///< The file at the start of the call.
    };

    path_list paths_;
    found_files found_;
    std::unordered_map<std::size_t, lent_file> lent_;
    std::unordered_map<std::size_t, int> refused_;
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
