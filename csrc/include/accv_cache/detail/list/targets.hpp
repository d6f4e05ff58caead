#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "accv_cache/detail/file/descriptor.hpp"
#include "accv_cache/detail/list/directory_walk.hpp"
#include "accv_cache/detail/list/path_list.hpp"
#include "accv_cache/detail/run/batch.hpp"
#include "accv_cache/walk.hpp"

namespace accv_cache::detail {

/// How far a verb has come with its files; read by the calling thread while workers count.
struct file_counters {
    std::atomic<std::size_t> total_files{0};
    std::atomic<std::size_t> done_files{0};
    std::atomic<std::int64_t> bytes{0};  ///< What was evicted, or found to be resident.
};

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
        if (!targets_.is_lent(position) && !targets_.paths().has_nul(position) &&
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

/// A list in which the files below them stand in for directories.
struct expansion {
    target_list targets;
    /// For each target its position in the list before, or `no_position` for a file that was found.
    std::vector<std::size_t> origins;
    std::vector<skipped_path> skipped;
    bool stopped = false;

    /// The positions of the files that were found.
    std::vector<std::size_t> found() const {
        std::vector<std::size_t> positions;
        for (std::size_t i = 0; i != origins.size(); ++i)
            if (origins[i] == no_position) positions.push_back(i);
        return positions;
    }

    /// Carries what is known of the targets over to their new positions.
    template <class Value>
    std::vector<Value> carry_over(std::vector<Value> values) const {
        std::vector<Value> moved(origins.size());
        for (std::size_t i = 0; i != origins.size(); ++i)
            if (origins[i] != no_position) moved[i] = std::move(values[origins[i]]);
        return moved;
    }
};

/// Lists the directories of `targets`, each in its place.
template <class Tick>
expansion expand(const target_list& targets, const std::vector<char>& is_directory,
                 const walk_options& options, Tick& tick) {
    expansion expanded;
    paced_tick<Tick> now_and_then(tick, monotonic_now());
    const auto look = [&] { return now_and_then.at(monotonic_now()); };
    directory_walk<decltype(look)> walk(options, look);
    expanded.stopped = !now_and_then.serve();  // a walk may take long, and nothing is touched yet
    for (std::size_t i = 0; i != targets.size() && !expanded.stopped; ++i) {
        if (is_directory[i] == 0) {
            expanded.targets.append(targets, i);
            expanded.origins.push_back(i);
            continue;
        }
        const std::size_t files = walk.files().size();
        const std::size_t unlistable = walk.unlistable().size();
        expanded.stopped = !walk.run(targets.paths()[i]);
        for (std::size_t n = files; n != walk.files().size(); ++n)
            expanded.targets.append(walk.files().text(n));
        for (std::size_t n = unlistable; n != walk.unlistable().size(); ++n)
            expanded.targets.append_unlistable(walk.unlistable()[n].path,
                                               walk.unlistable()[n].error);
        expanded.origins.resize(expanded.targets.size(), no_position);
    }
    expanded.skipped = walk.skipped();
    return expanded;
}

/// Whether any target is a directory.
inline bool has_directory(const std::vector<char>& is_directory) noexcept {
    return std::find(is_directory.begin(), is_directory.end(), 1) != is_directory.end();
}

}  // namespace accv_cache::detail
