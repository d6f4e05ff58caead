// SPDX-License-Identifier: Apache-2.0
// Which processes have files mapped or open, by /proc (proc(5)).
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "accv_cache/detail/file/file_identity.hpp"
#include "accv_cache/detail/file/open_directory.hpp"
#include "accv_cache/detail/proc/kernel_text.hpp"

namespace accv_cache::detail {

/// A file that one process has mapped, open, or both.
struct held_file {
    std::size_t file = 0;           ///< Its number, from `process_scan::add`.
    std::int64_t mapped_bytes = 0;  ///< 0: not mapped.
    bool open = false;
};

/// Looks for the holders of a set of files.
class process_scan {
public:
    /// Returns the file's number, the same for the same file.
    std::size_t add(const file_identity& file) {
        inodes_.insert(file.inode);
        return positions_.try_emplace(file, positions_.size()).first->second;
    }

    /// Calls `visit(pid, files)` with each process that holds any of the files, and returns the
    /// number of processes that may not be looked into.
    template <class Visit>
    std::size_t run(bool look_at_descriptors, Visit&& visit) const {
        std::size_t unreadable = 0;
        const open_directory processes("/proc");
        if (!processes) return unreadable;
        processes.for_each_entry([&](const dirent& entry) {
            const auto process = leading_number(entry.d_name);
            if (!process) return;  // not a process but one of /proc's own files
            const std::string folder = std::string("/proc/") + entry.d_name;
            std::vector<held_file> held;
            bool readable = find_mapped(folder, held);
            if (look_at_descriptors) readable = find_open(folder, held) && readable;
            if (!readable && may_hold(folder)) ++unreadable;
            if (!held.empty()) visit(static_cast<int>(*process), held);
        });
        return unreadable;
    }

private:
    /// Whether the process is still there, and neither a zombie nor a thread of the kernel: those
    /// have no memory, and hold no file.
    static bool may_hold(const std::string& folder) {
        return leading_number(read_small_file(folder + "/statm")).value_or(0) != 0;
    }

    static held_file& entry_of(std::vector<held_file>& held, std::size_t position) {
        for (held_file& each : held)
            if (each.file == position) return each;
        held.push_back({position, 0, false});
        return held.back();
    }

    bool find_mapped(const std::string& folder, std::vector<held_file>& held) const {
        std::string maps;
        if (!read_small_file((folder + "/maps").c_str(), maps)) return false;
        for_each_line(maps, [&](std::string_view line) {
            const mapping seen = parse_mapping(line);
            if (inodes_.count(seen.inode) == 0) return;
            auto found = positions_.find({seen.device, seen.inode});
            if (found == positions_.end()) found = positions_.find(identity_of(seen, folder));
            if (found != positions_.end())
                entry_of(held, found->second).mapped_bytes +=
                    static_cast<std::int64_t>(seen.stop - seen.start);
        });
        return true;
    }

    struct mapping {
        unsigned long long start;
        unsigned long long stop;
        ino_t inode;
        dev_t device;
        std::string_view path;  ///< With newlines as "\012", and " (deleted)" if it is.
    };

    /// Reads a line "start-stop perms offset major:minor inode   path".
    static mapping parse_mapping(std::string_view line) noexcept {
        // The text ends in a NUL; strtoull(3) wants it writable, and changes nothing.
        char* at = const_cast<char*>(line.data());  // NOLINT
        const auto number = [&at](int base) { return std::strtoull(at, &at, base); };
        const auto start = number(16);
        ++at;
        const auto stop = number(16);
        at += std::strlen(" r--p ");
        number(16);
        const auto device_major = static_cast<unsigned>(number(16));
        ++at;
        const auto device_minor = static_cast<unsigned>(number(16));
        const auto inode = number(10);
        at += std::strspn(at, " ");
        return {start, stop, inode, makedev(device_major, device_minor),
                line.substr(static_cast<std::size_t>(at - line.data()))};
    }

    /// The identity of a mapped file as stat(2) gives it, where the line of maps shows another
    /// device: on Btrfs and overlayfs. With CAP_CHECKPOINT_RESTORE the mapping itself leads to the
    /// file; else its name does, seen from its process, unless it is deleted.
    static file_identity identity_of(const mapping& seen, const std::string& folder) {
        char range[64];
        if (std::snprintf(range, sizeof range, "/map_files/%llx-%llx", seen.start, seen.stop) < 0)
            return {};
        struct stat status{};
        if (::stat((folder + range).c_str(), &status) == 0 ||
            ::stat((folder + "/root" + unescaped(seen.path)).c_str(), &status) == 0)
            return file_identity::of(status);
        return {};
    }

    static std::string unescaped(std::string_view path) {
        constexpr std::string_view newline = "\\012";
        std::string text(path);
        for (std::size_t at = 0; (at = text.find(newline, at)) != std::string::npos; ++at)
            text.replace(at, newline.size(), "\n");
        return text;
    }

    bool find_open(const std::string& folder, std::vector<held_file>& held) const {
        const std::string path = folder + "/fd";
        const open_directory descriptors(path.c_str());
        if (!descriptors) return false;
        descriptors.for_each_entry([&](const dirent& entry) {
            struct statx status{};
            // What is cached will do: a server that does not answer must not block this.
            if (::statx(descriptors.fd(), entry.d_name, AT_STATX_DONT_SYNC, STATX_INO, &status) !=
                0)
                return;
            const file_identity file{makedev(status.stx_dev_major, status.stx_dev_minor),
                                     static_cast<ino_t>(status.stx_ino)};
            const auto found = positions_.find(file);
            if (found != positions_.end()) entry_of(held, found->second).open = true;
        });
        return true;
    }

    std::unordered_map<file_identity, std::size_t, file_identity_hash> positions_;
    std::unordered_set<ino_t> inodes_;
};

}  // namespace accv_cache::detail
