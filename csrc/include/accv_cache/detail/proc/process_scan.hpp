// SPDX-License-Identifier: Apache-2.0
// Finds the processes that have files mapped or open, in /proc (proc(5)).
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "accv_cache/detail/file/descriptor.hpp"
#include "accv_cache/detail/file/open_directory.hpp"
#include "accv_cache/detail/file/read_residency.hpp"
#include "accv_cache/detail/proc/kernel_text.hpp"
#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/file_identity.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// A file that one process has mapped, open, or both.
struct held_file {
    std::size_t file = 0;           ///< Its number, from `process_scan::add`.
    std::int64_t mapped_bytes = 0;  ///< 0: not mapped.
    bool open = false;
};

/// A line of /proc/PID/maps: "start-stop perms offset major:minor inode   path".
struct mapping {
    unsigned long long start;
    unsigned long long stop;
    file_identity file;  ///< On Btrfs and overlayfs the device differs from that of stat(2).

    explicit mapping(std::string_view line) noexcept {
        const auto skip = [&line](std::size_t bytes) {
            line.remove_prefix(std::min(bytes, line.size()));
        };
        const auto number = [&](int base) {
            unsigned long long value = 0;
            const char* const first = line.data();
            const char* const behind = std::from_chars(first, first + line.size(), value, base).ptr;
            skip(static_cast<std::size_t>(behind - first));
            skip(1);  // what separates it from the next field
            return value;
        };
        start = number(16);
        stop = number(16);
        skip(std::strlen("r--p "));
        number(16);
        const auto device_major = static_cast<unsigned>(number(16));
        const auto device_minor = static_cast<unsigned>(number(16));
        file = {sys::device_number(device_major, device_minor), number(10)};
    }
};

/// Finds the identity that /proc/PID/maps shows for a file, by mapping it. Returns 0 or an errno;
/// ENOENT where the name now belongs to another file.
inline int find_identity_in_maps(const std::string& path, const file_identity& file,
                                 file_identity& found) {
    const descriptor opened = descriptor::open(path.c_str());
    struct stat status{};
    if (!opened) return opened.error();
    if (const int error = sys::fstat(opened.get(), status)) return -error;
    if (file_identity::of(status) != file) return ENOENT;
    opened.keep_access_time();
    const untouched_mapping mapped(opened.get(), 0, static_cast<std::size_t>(page_size()));
    if (mapped.error() != 0) return -mapped.error();
    const auto address = reinterpret_cast<std::uintptr_t>(mapped.start());
    std::string maps;
    const int error = read_kernel_text("/proc/self/maps", maps);
    for_each_line(maps, [&](std::string_view line) {
        const mapping each(line);
        if (each.start <= address && address < each.stop) found = each.file;
    });
    return error;
}

/// What a scan could not inspect.
struct scan_gaps {
    std::size_t unreadable_processes = 0;  ///< Those that could not be inspected.
    bool hidden_processes = false;         ///< Whether /proc may hide others (hidepid).
    int error = 0;                         ///< The errno of reading /proc; 0: it was read.
};

/// Looks for the holders of a set of files.
///
/// It never accesses the files of other processes by name, because the server of a file system may
/// hang.
class process_scan {
public:
    /// Returns the file's number. The same file gets the same number. `path` is a name of it, or
    /// empty.
    std::size_t add(const file_identity& file, std::string_view path = {}) {
        const auto [entry, fresh] = positions_.try_emplace(file, files_.size());
        if (fresh) files_.push_back({file, std::string(path), std::nullopt});
        if (fresh) inodes_.emplace(file.inode, entry->second);
        return entry->second;
    }

    /// Calls `visit(pid, files)` with each process that holds any of the files.
    template <class Visit>
    scan_gaps run(bool look_at_descriptors, Visit&& visit) {
        scan_gaps gaps;
        std::string mounts;
        gaps.error = read_kernel_text("/proc/self/mountinfo", mounts);
        if (gaps.error != 0) return gaps;
        gaps.hidden_processes = hides_processes(mounts) && !may_trace_all();
        const open_directory processes("/proc");
        if (!processes) {
            gaps.error = processes.error();
            return gaps;
        }
        gaps.error = ENOENT;  // until a process is found: without one this is no /proc
        const int error = processes.for_each_entry([&](const dirent& entry) {
            const auto process = leading_number(entry.d_name);
            if (!process) return;  // not a process
            gaps.error = 0;
            const std::string folder = std::string("/proc/") + entry.d_name;
            std::vector<held_file> held;
            bool readable = find_mapped(folder, held);
            if (look_at_descriptors) readable = find_open(folder, held) && readable;
            if (!readable && may_hold(folder)) ++gaps.unreadable_processes;
            if (!held.empty()) visit(static_cast<int>(*process), held);
        });
        if (error != 0) gaps.error = error;
        return gaps;
    }

private:
    /// Whether the process still exists and is neither a zombie nor a kernel thread. Those have no
    /// memory and hold no file.
    static bool may_hold(const std::string& folder) {
        std::string memory;
        if (!read_small_file((folder + "/statm").c_str(), memory))
            return sys::access(folder.c_str(), F_OK) != -ENOENT;
        return leading_number(memory).value_or(0) != 0;
    }

    /// Whether /proc shows only the processes that the reader may trace.
    static bool hides_processes(std::string_view mounts) {
        bool hides = false;
        for_each_line(mounts, [&](std::string_view line) {
            if (line.find(" /proc ") == std::string_view::npos) return;
            const auto has = [line](const char* text) {
                return line.find(text) != std::string_view::npos;
            };
            hides = has("hidepid=invisible") || has("hidepid=ptraceable") || has("hidepid=2") ||
                    has("hidepid=4");
        });
        return hides;
    }

    static bool may_trace_all() {
        constexpr std::string_view label = "CapEff:\t";
        constexpr unsigned cap_sys_ptrace = 19;
        bool may = false;
        for_each_line(read_small_file("/proc/self/status"), [&](std::string_view line) {
            if (line.substr(0, label.size()) != label) return;
            may =
                (std::strtoull(line.data() + label.size(), nullptr, 16) >> cap_sys_ptrace & 1) != 0;
        });
        return may;
    }

    static held_file& entry_of(std::vector<held_file>& held, std::size_t position) {
        for (held_file& each : held)
            if (each.file == position) return each;
        held.push_back({position, 0, false});
        return held.back();
    }

    /// Returns false if the process may have other files mapped, too.
    bool find_mapped(const std::string& folder, std::vector<held_file>& held) {
        std::string maps;
        if (!read_small_file((folder + "/maps").c_str(), maps)) return false;
        bool is_all = true;
        for_each_line(maps, [&](std::string_view line) {
            const mapping seen(line);
            if (inodes_.count(seen.file.inode) == 0) return;
            if (const auto number = number_of(seen, folder, is_all))
                entry_of(held, *number).mapped_bytes +=
                    static_cast<std::int64_t>(seen.stop - seen.start);
        });
        return is_all;
    }

    /// The number of the mapped file, if it was added. Where its device differs from that of
    /// stat(2), the link of the mapping gives the file, with CAP_CHECKPOINT_RESTORE. Without it,
    /// the added files are mapped too and compared. `is_sure` becomes false where that fails.
    std::optional<std::size_t> number_of(const mapping& seen, const std::string& folder,
                                         bool& is_sure) {
        const auto number_at = [this](const file_identity& file) -> std::optional<std::size_t> {
            const auto found = positions_.find(file);
            return found == positions_.end() ? std::nullopt : std::optional(found->second);
        };
        if (const auto number = number_at(seen.file)) return number;
        char range[64];
        static_cast<void>(
            std::snprintf(range, sizeof range, "/map_files/%llx-%llx", seen.start, seen.stop));
        sys::extended_status status{};
        if (look_at(AT_FDCWD, (folder + range).c_str(), status) == 0)
            if (const auto number = number_at({status.device(), status.inode})) return number;
        const auto [first, last] = inodes_.equal_range(seen.file.inode);
        for (auto each = first; each != last; ++each) {
            sought_file& file = files_[each->second];
            if (!file.in_maps) {
                file_identity shown = file.identity;
                const int error = find_identity_in_maps(file.path, file.identity, shown);
                if (error == 0 || is_out_of_reach(error)) file.in_maps = shown;
            }
            if (file.in_maps == seen.file) return each->second;
            is_sure = is_sure && file.in_maps;
        }
        return std::nullopt;
    }

    /// Cached attributes are enough, and a server that does not respond cannot block this.
    /// Returns 0 or -errno.
    static int look_at(int folder, const char* name, sys::extended_status& status) noexcept {
        return sys::statx(folder, name, sys::statx_dont_sync, sys::statx_inode, status);
    }

    /// Returns false if the process may have other files open, too.
    bool find_open(const std::string& folder, std::vector<held_file>& held) const {
        const std::string path = folder + "/fd";
        const open_directory descriptors(path.c_str());
        if (!descriptors) return false;
        bool is_all = true;
        const int error = descriptors.for_each_entry([&](const dirent& entry) {
            sys::extended_status status{};
            if (const int unread = look_at(descriptors.fd(), entry.d_name, status)) {
                is_all = is_all && unread == -ENOENT;  // it was closed meanwhile
                return;
            }
            const file_identity file{status.device(), status.inode};
            const auto found = positions_.find(file);
            if (found != positions_.end()) entry_of(held, found->second).open = true;
        });
        return is_all && error == 0;
    }

    struct sought_file {
        file_identity identity;
        std::string path;
        std::optional<file_identity> in_maps;  // as /proc/PID/maps shows it, once known
    };

    std::vector<sought_file> files_;
    std::unordered_map<file_identity, std::size_t, file_identity_hash> positions_;
    std::unordered_multimap<std::uint64_t, std::size_t> inodes_;
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
