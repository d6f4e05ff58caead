#pragma once

#include <string>
#include <vector>

namespace accv_cache {

/// What to take of a directory.
struct walk_options {
    bool recursive = true;  ///< Also of the directories below it.
    /// fnmatch(3) patterns, of which a file must match one; empty: every file. A pattern with a
    /// slash is matched against the path below the directory, one without against the name.
    std::vector<std::string> include;
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

}  // namespace accv_cache
