// SPDX-License-Identifier: Apache-2.0
// The options that select the files below a directory, and what was skipped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {

/// Which files of a directory to take. Names and sizes are checked before anything is opened. What
/// they exclude is not listed as skipped.
struct walk_options {
    bool recursive = true;  ///< Also take files of the directories below it.
    /// fnmatch(3) patterns; a file must match at least one. Empty: every file. A pattern with a
    /// slash is matched against the path below the directory, one without against the name. "./"
    /// at its start stands for the directory, and a slash at its end is ignored.
    std::vector<std::string> include;
    /// Patterns of the same kind. A file that matches one is not taken, and a directory that
    /// matches one is not entered. It is checked before `include`. Empty: nothing is excluded.
    std::vector<std::string> exclude;
    /// Larger files are not taken. This needs one stat(2) per file. nullopt: no limit.
    std::optional<std::int64_t> max_size_bytes;
    bool follow_symlinks = false;  ///< Follow links below directories; a listed link always is.
};

/// Why something in a directory was skipped.
enum class skip_reason : unsigned char {
    SYMBOLIC_LINK,  ///< Links are not followed.
    SPECIAL_FILE,   ///< A FIFO, socket or device.
    /// A directory on which another file system is mounted; name it to include it. A single file
    /// that is mounted is taken.
    OTHER_FILE_SYSTEM,
};

/// Something in a directory that was skipped, and why.
struct skipped_path {
    std::string path;    ///< Its path.
    skip_reason reason;  ///< Why it was skipped.
};

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
