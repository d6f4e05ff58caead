// SPDX-License-Identifier: Apache-2.0
// Replaces the directories of a list by the files below them.
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "accv_cache/detail/file/file_type.hpp"
#include "accv_cache/detail/list/directory_walk.hpp"
#include "accv_cache/detail/list/target_list.hpp"
#include "accv_cache/detail/run/batch.hpp"
#include "accv_cache/detail/run/tick.hpp"
#include "accv_cache/version.hpp"
#include "accv_cache/walk.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Finds out for each path of a list whether it is a directory. A path that cannot be checked
/// counts as a file; opening it gives the error.
class directory_check {
public:
    struct item {};

    /// Writes its results to `is_directory`, which has one element per target.
    directory_check(const target_list& targets, std::vector<char>& is_directory) noexcept
        : targets_(targets), is_directory_(is_directory) {}

    verdict prepare(std::size_t position, item&, bool) noexcept {
        const bool is_name = !targets_.is_lent(position) && !targets_.paths().has_nul(position);
        is_directory_[position] = is_name && S_ISDIR(type_of(targets_.paths()[position])) ? 1 : 0;
        return proceed;
    }
    verdict finish(std::size_t, item&) noexcept { return proceed; }

private:
    const target_list& targets_;
    std::vector<char>& is_directory_;
};

/// The list with each directory replaced by the files below it.
struct expansion {
    target_list targets;
    /// The position of each target in the original list, or `no_position` for a file that was
    /// found.
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

    /// Moves values to the new positions of their targets. An empty list stays empty.
    template <class Value>
    std::vector<Value> carry_over(std::vector<Value> values) const {
        if (values.empty()) return values;
        std::vector<Value> moved(origins.size());
        for (std::size_t i = 0; i != origins.size(); ++i)
            if (origins[i] != no_position) moved[i] = std::move(values[origins[i]]);
        return moved;
    }
};

/// Replaces each directory of `targets`, at its position, by the files below it.
inline expansion expand(const target_list& targets, const std::vector<char>& is_directory,
                        const walk_options& options, ticker& tick) {
    expansion expanded;
    directory_walk<ticker> walk(options, tick);
    expanded.stopped = !tick.serve();  // a walk may take long, and no file is touched yet
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
            if (options.follow_symlinks)
                expanded.targets.append(walk.files().text(n));
            else
                expanded.targets.append_found(walk.files().text(n), walk.directory(),
                                              walk.inodes()[n]);
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

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
