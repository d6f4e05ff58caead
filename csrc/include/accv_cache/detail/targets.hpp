#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "accv_cache/detail/batch.hpp"
#include "accv_cache/detail/descriptor.hpp"
#include "accv_cache/detail/directory_walk.hpp"
#include "accv_cache/detail/path_list.hpp"
#include "accv_cache/walk.hpp"

namespace accv_cache::detail {

/// An open file of a list: its own descriptor, or one that the caller lent.
struct open_file {
    descriptor own;
    int fd = -1;
    int error = 0;  ///< An errno, if it could not be opened.
    struct stat status{};
};

/// The files that a verb works on: paths, and descriptors that the caller holds open.
class target_list {
public:
    void append(std::string_view path) { paths_.append(path); }

    /// A descriptor stays the caller's. Its path, for the report, is what /proc says of it.
    void append(int fd) {
        lent_.emplace(paths_.size(), fd);
        char target[PATH_MAX];
        const std::string link = "/proc/self/fd/" + std::to_string(fd);
        const ssize_t length = ::readlink(link.c_str(), target, sizeof target);
        paths_.append(length > 0 ? std::string_view(target, static_cast<std::size_t>(length))
                                 : link);
    }

    /// A directory that could not be listed, and the errno that says why.
    void append_unlistable(std::string_view path, int error) {
        refused_.emplace(paths_.size(), error);
        paths_.append(path);
    }

    /// Appends a target of another list.
    void append(const target_list& other, std::size_t position) {
        const auto lent = other.lent_.find(position);
        if (lent != other.lent_.end()) lent_.emplace(paths_.size(), lent->second);
        paths_.append(other.paths_.text(position));
    }

    std::size_t size() const noexcept { return paths_.size(); }
    const path_list& paths() const noexcept { return paths_; }
    path_list&& take_paths() noexcept { return std::move(paths_); }
    bool is_lent(std::size_t position) const noexcept {
        return !lent_.empty() && lent_.count(position) != 0;
    }

    /// Opens the file, or takes the descriptor that was lent, and asks for its status.
    open_file open(std::size_t position) const noexcept {
        open_file file;
        if (is_lent(position)) {
            file.fd = lent_.find(position)->second;
        } else {
            const auto refused = refused_.empty() ? refused_.end() : refused_.find(position);
            if (refused != refused_.end()) {
                file.error = refused->second;
                return file;
            }
            if (paths_.has_nul(position)) {
                file.error = EINVAL;
                return file;
            }
            file.own = descriptor::open(paths_[position]);
            file.fd = file.own.get();
            file.error = file.own.error();
        }
        return file;
    }

private:
    path_list paths_;
    std::unordered_map<std::size_t, int> lent_;
    std::unordered_map<std::size_t, int> refused_;
};

/// Tells for each path of a list whether it is a directory. What cannot be told is not: opening it
/// will say why.
class directory_check {
public:
    struct item {};

    explicit directory_check(const target_list& targets)
        : targets_(targets), is_directory_(targets.size(), 0) {}

    verdict prepare(std::size_t position, item&, bool) noexcept {
        struct statx status{};
        // The type never changes, so what a network file system remembers will do.
        const int flags = AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT;
        if (!targets_.is_lent(position) &&
            ::statx(AT_FDCWD, targets_.paths()[position], flags, STATX_TYPE, &status) == 0)
            is_directory_[position] = S_ISDIR(status.stx_mode) ? 1 : 0;
        return proceed;
    }
    verdict finish(std::size_t, item&) noexcept { return proceed; }

    const std::vector<char>& is_directory() const noexcept { return is_directory_; }

private:
    const target_list& targets_;
    std::vector<char> is_directory_;  // not vector<bool>: threads write neighbours
};

/// Replaces each directory of `targets` by the files below it. False if the tick said stop.
template <class Tick>
bool expand_directories(target_list& targets, const walk_options& options, std::size_t workers,
                        Tick& tick, std::vector<skipped_path>& skipped) {
    directory_check check(targets);
    batch_options how;
    how.workers = workers;
    if (run_batch(check, targets.size(), how, tick).stopped) return false;
    const std::vector<char>& is_directory = check.is_directory();
    if (std::find(is_directory.begin(), is_directory.end(), 1) == is_directory.end()) return true;

    target_list expanded;
    directory_walk<Tick> walk(options, tick);
    for (std::size_t i = 0; i != targets.size(); ++i) {
        if (is_directory[i] == 0) {
            expanded.append(targets, i);
            continue;
        }
        const std::size_t files = walk.files().size();
        const std::size_t unlistable = walk.unlistable().size();
        if (!walk.run(targets.paths()[i])) return false;
        for (std::size_t n = files; n != walk.files().size(); ++n)
            expanded.append(walk.files().text(n));
        for (std::size_t n = unlistable; n != walk.unlistable().size(); ++n)
            expanded.append_unlistable(walk.unlistable()[n].path, walk.unlistable()[n].error);
    }
    skipped = walk.skipped();
    targets = std::move(expanded);
    return true;
}

}  // namespace accv_cache::detail
