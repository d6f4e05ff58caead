// SPDX-License-Identifier: Apache-2.0
// Finds the folder of a process's cgroup from /proc/PID/cgroup and /proc/PID/mountinfo.
#pragma once

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accv_cache/detail/file/open_directory.hpp"
#include "accv_cache/detail/proc/kernel_text.hpp"
#include "accv_cache/detail/proc/mount_line.hpp"
#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// The folder of a cgroup, and the mount that it is on.
struct cgroup_folder {
    std::string mount;  ///< Where the hierarchy is mounted, such as /sys/fs/cgroup.
    std::string path;   ///< The folder: `mount`, or a folder below it.
    bool unified;       ///< Version 2 (one hierarchy for all controllers).
};

/// Whether a process is in a cgroup for a controller, and where that is.
struct cgroup_lookup {
    bool exists = true;                   ///< False: there is none, so nothing limits it.
    std::optional<cgroup_folder> folder;  ///< nullopt although it exists: no mount shows it.
};

/// Goes to the parent of a cgroup. Returns false at the mount: cgroups above it are not visible.
inline bool go_up(cgroup_folder& cgroup) {
    if (cgroup.path.size() <= cgroup.mount.size()) return false;
    cgroup.path.resize(std::max(cgroup.path.rfind('/'), cgroup.mount.size()));
    return true;
}

/// Calls `visit` with the folder of a cgroup and of each of its parents up to the mount: the limit
/// of each of them applies.
template <class Visit>
void for_each_ancestor(cgroup_folder cgroup, Visit&& visit) {
    do visit(std::as_const(cgroup.path));
    while (go_up(cgroup));
}

/// Whether `name` is one of the comma-separated `names`.
inline bool is_listed(std::string_view names, std::string_view name) noexcept {
    while (!names.empty()) {
        const std::size_t end = std::min(names.find(','), names.size());
        if (names.substr(0, end) == name) return true;
        names.remove_prefix(std::min(end + 1, names.size()));
    }
    return false;
}

/// Whether `path` is `folder` or is below it. Neither may end with a slash.
inline bool is_within(std::string_view path, std::string_view folder) noexcept {
    return path.substr(0, folder.size()) == folder &&
           (path.size() == folder.size() || path[folder.size()] == '/');
}

/// The way from the root of a mount to a cgroup: down a number of folders with unknown names, then
/// `rest`.
struct cgroup_route {
    std::size_t unnamed;
    std::string_view rest;
};

/// The route from the cgroup `root` to the cgroup `path`; nullopt if `path` is not below `root`.
///
/// The kernel reports both relative to the root of the reader's cgroup namespace, so cgroups above
/// or beside it start with "/.." (cgroup_namespaces(7)). It does not report the names between
/// "/../.." and "/".
inline std::optional<cgroup_route> route_to(std::string_view path, std::string_view root) noexcept {
    const auto climb = [](std::string_view& name) {
        std::size_t levels = 0;
        for (; is_within(name, "/.."); ++levels) name.remove_prefix(3);
        return levels;
    };
    const std::size_t path_levels = climb(path);
    const std::size_t root_levels = climb(root);
    if (root_levels == path_levels && is_within(path, root))
        return cgroup_route{0, path.substr(root.size())};
    if (root_levels > path_levels && root.empty())
        return cgroup_route{root_levels - path_levels, path};
    return std::nullopt;
}

/// Whether the process is in the cgroup of this folder itself.
inline bool holds_process(const std::string& folder, int process) {
    bool found = false;
    for_each_line(read_small_file(folder + "/cgroup.procs"),
                  [&](std::string_view line) { found |= leading_number(line) == process; });
    return found;
}

/// Follows a route from `folder` to the cgroup of `process`; "" if it is not there. Only folders at
/// the depth of the route are searched for the process.
inline std::string follow(std::string folder, const cgroup_route& route, int process) {
    std::vector<std::string> folders;
    folders.push_back(std::move(folder));
    for (std::size_t level = 0; level != route.unnamed; ++level) {
        std::vector<std::string> below;
        for (const std::string& each : folders) {
            const open_directory directory(each.empty() ? "/" : each.c_str());
            if (!directory) continue;
            directory.for_each_entry([&](const dirent& entry) {
                if (entry.d_type == DT_DIR) below.push_back(each + "/" + entry.d_name);
            });
        }
        folders = std::move(below);
    }
    for (std::string& path : folders) {
        path += route.rest;
        if (sys::access(path.c_str(), X_OK) == 0 &&
            (route.unnamed == 0 || holds_process(path, process)))
            return std::move(path);
    }
    return {};
}

/// Finds the cgroup of `process` in a list of mounts, which are visible below `prefix`.
///
/// Of several mounts it takes the one that shows most parents, because their limits apply too.
inline std::optional<cgroup_folder> find_in_mounts(std::string_view mountinfo,
                                                   const std::string& prefix, bool unified,
                                                   std::string_view controller,
                                                   std::string_view path, int process) {
    std::vector<mount_line> mounts;
    for_each_line(mountinfo,
                  [&](std::string_view line) { mounts.push_back(mount_line::of(line)); });

    // A mount on top of another one hides the folders at and below its mount point.
    const auto is_hidden = [&](const std::string& folder, const mount_line& mount) {
        return std::any_of(mounts.begin(), mounts.end(), [&](const mount_line& other) {
            return other.parent == mount.id && is_within(other.point, mount.point) &&
                   is_within(folder, other.point);
        });
    };
    std::optional<cgroup_folder> best;
    std::pair<std::size_t, std::size_t> least{};
    for (const mount_line& mount : mounts) {
        const bool is_ours = unified
                                 ? mount.type == "cgroup2"
                                 : mount.type == "cgroup" && is_listed(mount.options, controller);
        const auto route = is_ours ? route_to(path, mount.root) : std::nullopt;
        if (!route) continue;
        const std::pair rank(route->unnamed, mount.root.size());
        if (best && rank >= least) continue;
        std::string folder = follow(prefix + mount.point, *route, process);
        if (folder.empty() || is_hidden(folder.substr(prefix.size()), mount)) continue;
        best = cgroup_folder{prefix + mount.point, std::move(folder), unified};
        least = rank;
    }
    return best;
}

/// Finds the cgroup of a process for `controller` ("cpu", "memory"), see cgroups(7); 0 is the
/// caller. It searches the mounts of the caller, then those of the process.
inline cgroup_lookup look_up_cgroup(std::string_view controller, int process = 0) {
    const std::string folder = "/proc/" + (process == 0 ? "self" : std::to_string(process));
    std::string cgroups;
    // A kernel without cgroups has no such file.
    if (const int error = read_kernel_text((folder + "/cgroup").c_str(), cgroups))
        return {error != ENOENT || sys::access(folder.c_str(), F_OK) != 0, std::nullopt};
    std::optional<std::string> v1_path;
    std::optional<std::string> v2_path;
    for_each_line(cgroups, [&](std::string_view line) {  // "id:controllers:path"
        const std::size_t names = line.find(':') + 1;
        const std::size_t path = line.find(':', names) + 1;
        if (names == 0 || path == 0) return;
        const std::string_view controllers = line.substr(names, path - 1 - names);
        const std::string_view name = line.substr(path);
        if (controllers.empty()) v2_path = name == "/" ? "" : name;
        if (is_listed(controllers, controller)) v1_path = name == "/" ? "" : name;
    });
    // A controller belongs to one hierarchy at a time.
    const auto& path = v1_path ? v1_path : v2_path;
    if (!path) return {false, std::nullopt};
    const auto find = [&](const char* process_folder, const std::string& prefix) {
        return find_in_mounts(read_small_file(std::string(process_folder) + "/mountinfo"), prefix,
                              !v1_path, controller, *path, process == 0 ? sys::getpid() : process);
    };
    auto found = find("/proc/self", "");
    if (!found && process != 0) found = find(folder.c_str(), folder + "/root");
    return {true, std::move(found)};
}

/// The folder of the caller's cgroup for `controller`, if there is one and a mount shows it.
inline std::optional<cgroup_folder> find_cgroup(std::string_view controller) {
    return look_up_cgroup(controller).folder;
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
