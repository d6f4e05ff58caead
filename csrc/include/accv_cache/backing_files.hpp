// SPDX-License-Identifier: Apache-2.0
// `backing_files`, which finds the image files of a file system; they have a page cache of their
// own.
#pragma once

#include <string>
#include <vector>

#include "accv_cache/version.hpp"

#if defined(__linux__)
#include <fcntl.h>
#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "accv_cache/detail/file/open_directory.hpp"
#include "accv_cache/detail/proc/kernel_text.hpp"
#include "accv_cache/detail/proc/mount_line.hpp"
#include "accv_cache/detail/system_calls.hpp"
#endif

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {

#if defined(__linux__)
namespace detail {

/// The folder of the block device "major:minor" in sysfs (sysfs(5)).
inline std::string device_folder(std::uint32_t major_part, std::uint32_t minor_part) {
    return "/sys/dev/block/" + std::to_string(major_part) + ":" + std::to_string(minor_part);
}

/// The sysfs folder of the device that holds `path`, or whose node `path` is; "" if there is none.
inline std::string device_of(const std::string& path) {
    sys::extended_status status{};
    const unsigned mask = sys::statx_type | sys::statx_mount;
    if (sys::statx(AT_FDCWD, path.c_str(), 0, mask, status) != 0) return {};
    if (S_ISBLK(status.mode)) return device_folder(status.node_major, status.node_minor);
    std::string folder = device_folder(status.device_major, status.device_minor);
    if (sys::access(folder.c_str(), F_OK) == 0) return folder;
    // Btrfs gives each subvolume its own device number; the table of mounts names the disk.
    folder.clear();
    const std::string mount = std::to_string(status.mount);
    for_each_line(read_small_file("/proc/self/mountinfo"), [&](std::string_view line) {
        const mount_line each = mount_line::of(line);
        sys::extended_status source{};
        if (each.id == mount &&
            sys::statx(AT_FDCWD, each.source.c_str(), 0, sys::statx_type, source) == 0 &&
            S_ISBLK(source.mode))
            folder = device_folder(source.node_major, source.node_minor);
    });
    return folder;
}

/// The backing file of a loop device, or of the loop device that a partition is on; "" for others.
inline std::string loop_file(const std::string& folder) {
    std::string name = read_small_file(folder + "/loop/backing_file");
    if (name.empty()) name = read_small_file(folder + "/../loop/backing_file");
    if (!name.empty()) name.pop_back();  // the newline
    return name;
}

/// Appends the backing file of a device; for a device-mapper or RAID device, those of its parts.
inline void append_backing_files(std::string device, std::vector<std::string>& files) {
    std::vector<std::string> folders{std::move(device)};
    for (std::size_t i = 0; i != folders.size(); ++i) {
        if (std::string name = loop_file(folders[i]); !name.empty()) {
            files.push_back(std::move(name));
            continue;
        }
        const std::string parts = folders[i] + "/slaves/";
        const open_directory directory(parts.c_str());
        if (directory)
            directory.for_each_entry([&](const dirent& entry) {
                if (entry.d_name[0] != '.') folders.push_back(parts + entry.d_name);
            });
    }
}

}  // namespace detail
#endif

/// Finds the image files of the file system of `path`, the nearest first: those of its loop
/// devices, and of the file systems that contain these. Their pages are a second cache: `path` is
/// cold only when they are cold too.
///
///     for (const std::string& image : accv_cache::backing_files("/mnt/clip.mp4"))
///         accv_cache::drop({image});
///
/// Empty where there is none, where the kernel does not report it (FUSE, network file systems), and
/// on other systems. A name is that of the file when the loop device was set up, relative to the
/// caller's root. That of a deleted file ends in " (deleted)". Throws std::bad_alloc and nothing
/// else. See loop(4) and sysfs(5).
inline std::vector<std::string> backing_files(const std::string& path) {
    std::vector<std::string> files;
#if defined(__linux__)
    constexpr std::size_t most = 64;  // a loop device cannot contain itself; this is a guard
    detail::append_backing_files(detail::device_of(path), files);
    for (std::size_t i = 0; i < files.size() && i < most; ++i)
        detail::append_backing_files(detail::device_of(files[i]), files);
#else
    static_cast<void>(path);
#endif
    return files;
}

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
