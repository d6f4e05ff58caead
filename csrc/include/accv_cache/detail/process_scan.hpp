#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "accv_cache/detail/small_file.hpp"

/// Which processes have files mapped or open, by /proc (proc(5)).
namespace accv_cache::detail {

/// A file by device and inode, as stat(2) gives them.
struct file_identity {
    dev_t device = 0;
    ino_t inode = 0;

    static file_identity of(const struct stat& status) noexcept {
        return {status.st_dev, status.st_ino};
    }
    friend bool operator==(const file_identity& left, const file_identity& right) noexcept {
        return left.device == right.device && left.inode == right.inode;
    }
};

struct file_identity_hash {
    std::size_t operator()(const file_identity& file) const noexcept {
        return std::hash<std::uint64_t>()(file.inode * 31 + file.device);
    }
};

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
        for_each_entry("/proc", [&](const char* name) {
            const auto process = leading_number(name);
            if (!process) return;  // not a process but one of /proc's own files
            const std::string folder = std::string("/proc/") + name;
            std::vector<held_file> held;
            bool readable = find_mapped(folder, held);
            if (look_at_descriptors) readable = find_open(folder, held) && readable;
            if (!readable && ::access(folder.c_str(), F_OK) == 0) ++unreadable;
            if (!held.empty()) visit(static_cast<int>(*process), held);
        });
        return unreadable;
    }

private:
    /// False if the directory cannot be read.
    template <class Visit>
    static bool for_each_entry(const char* path, Visit&& visit) {
        struct closer {
            void operator()(DIR* directory) const noexcept { ::closedir(directory); }
        };
        const std::unique_ptr<DIR, closer> directory(::opendir(path));
        if (directory == nullptr) return false;
        while (const dirent* const entry = ::readdir(directory.get())) visit(entry->d_name);
        return true;
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
            const auto [inode, device, bytes, path] =
                parse_mapping(line.data());  // NOLINT: the text ends in a NUL
            if (inodes_.count(inode) == 0) return;
            auto found = positions_.find({device, inode});
            if (found == positions_.end())
                found = positions_.find(identity_by_path(
                    folder, line.substr(static_cast<std::size_t>(path - line.data()))));
            if (found != positions_.end()) entry_of(held, found->second).mapped_bytes += bytes;
        });
        return true;
    }

    struct mapping {
        ino_t inode;
        dev_t device;
        std::int64_t bytes;
        const char* path;
    };

    /// Reads a line "start-stop perms offset major:minor inode   path".
    static mapping parse_mapping(const char* line) noexcept {
        char* at = const_cast<char*>(line);  // strtoull(3) wants it so, and changes nothing
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
        return {inode, makedev(device_major, device_minor), static_cast<std::int64_t>(stop - start),
                at};
    }

    /// The identity of the file that a line of maps names, seen from its process: on Btrfs and
    /// overlayfs the line shows another device than stat(2) does.
    static file_identity identity_by_path(const std::string& folder, std::string_view path) {
        struct stat status{};
        const std::string there = folder + "/root" + std::string(path);
        return ::stat(there.c_str(), &status) == 0 ? file_identity::of(status) : file_identity{};
    }

    bool find_open(const std::string& folder, std::vector<held_file>& held) const {
        const std::string descriptors = folder + "/fd";
        return for_each_entry(descriptors.c_str(), [&](const char* name) {
            if (name[0] == '.') return;
            struct statx status{};
            // What is cached will do: a server that does not answer must not block this.
            if (::statx(AT_FDCWD, (descriptors + '/' + name).c_str(), AT_STATX_DONT_SYNC, STATX_INO,
                        &status) != 0)
                return;
            const file_identity file{makedev(status.stx_dev_major, status.stx_dev_minor),
                                     static_cast<ino_t>(status.stx_ino)};
            const auto found = positions_.find(file);
            if (found != positions_.end()) entry_of(held, found->second).open = true;
        });
    }

    std::unordered_map<file_identity, std::size_t, file_identity_hash> positions_;
    std::unordered_set<ino_t> inodes_;
};

}  // namespace accv_cache::detail
