// SPDX-License-Identifier: Apache-2.0
// What a directory in a list stands for: which of the files below it are taken.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {

/// What to take of a directory. Names and sizes are looked at before anything is opened; what they
/// rule out is not listed as skipped.
struct walk_options {
    bool recursive = true;  ///< Also of the directories below it.
    /// fnmatch(3) patterns, of which a file must match one; empty: every file. A pattern with a
    /// slash is matched against the path below the directory, one without against the name.
    std::vector<std::string> include;
    /// The same kind of patterns: a file or directory that matches one is not taken, and such a
    /// directory is not entered. It goes before `include`; empty: nothing is excluded.
    std::vector<std::string> exclude;
    /// Larger files are not taken; nullopt: files of every size are. It costs a stat(2) per file.
    std::optional<std::int64_t> max_size_bytes;
    bool follow_symlinks = false;  ///< Links met below the directory; a path given is followed.
};

/// Why something that was met in a directory was left out.
enum class skip_reason : unsigned char {
    SYMBOLIC_LINK,      ///< Not asked to follow it.
    SPECIAL_FILE,       ///< A FIFO, socket or device.
    OTHER_FILE_SYSTEM,  ///< Another file system is mounted there; name it to include it.
};

/// Something met in a directory that was left out, and why.
struct skipped_path {
    std::string path;    ///< Where it was met.
    skip_reason reason;  ///< Why it was left out.
};

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
