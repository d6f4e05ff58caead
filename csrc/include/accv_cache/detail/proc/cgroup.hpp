#pragma once

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "accv_cache/detail/proc/kernel_text.hpp"

namespace accv_cache::detail {

/// Whether `name` is one of the comma-separated `names`.
inline bool is_listed(std::string_view names, std::string_view name) {
    while (!names.empty()) {
        const std::size_t end = std::min(names.find(','), names.size());
        if (names.substr(0, end) == name) return true;
        names.remove_prefix(std::min(end + 1, names.size()));
    }
    return false;
}

/// The folder of the caller's cgroup for one controller, and the mount that it hangs under.
struct cgroup_folder {
    std::string mount;  ///< Where the hierarchy is mounted, such as /sys/fs/cgroup.
    std::string path;   ///< The folder: `mount`, or a folder below it.
    bool unified;       ///< Version 2 (one hierarchy for all controllers).
};

/// The folder of the cgroup `path` in a `mount` that shows the hierarchy from the cgroup `root` on.
///
/// A container may see its own cgroup mounted as if it were the root, while /proc/self/cgroup names
/// a path that exists only outside; then the mount itself is ours.
inline std::string folder_in_mount(const std::string& mount, std::string_view root,
                                   std::string_view path) {
    const bool inside = root != "/" && path.substr(0, root.size()) == root &&
                        (path.size() == root.size() || path[root.size()] == '/');
    const std::string folder = mount + std::string(path.substr(inside ? root.size() : 0));
    return ::access(folder.c_str(), X_OK) == 0 ? folder : mount;
}

/// Finds the caller's cgroup for `controller` ("cpu", "memory"), as cgroups(7) describes it.
inline std::optional<cgroup_folder> find_cgroup(std::string_view controller) {
    std::string unified_path;
    std::optional<std::string> v1_path;
    for_each_line(read_small_file("/proc/self/cgroup"), [&](std::string_view line) {
        const std::size_t names = line.find(':') + 1;
        const std::size_t path = line.find(':', names) + 1;
        if (names == 0 || path == 0) return;
        const std::string_view controllers = line.substr(names, path - 1 - names);
        if (controllers.empty()) unified_path = line.substr(path);
        if (is_listed(controllers, controller)) v1_path = line.substr(path);
    });

    std::optional<cgroup_folder> found;
    // See proc(5): "id parent device root mount options... - type source options".
    for_each_line(read_small_file("/proc/self/mountinfo"), [&](std::string_view line) {
        const auto next_field = [&line] {
            const std::size_t end = std::min(line.find(' '), line.size());
            const std::string_view field = line.substr(0, end);
            line.remove_prefix(std::min(end + 1, line.size()));
            return field;
        };
        for (int unused = 0; unused != 3; ++unused) next_field();
        const std::string_view root = next_field();
        const std::string mount(next_field());
        while (!line.empty() && next_field() != "-") continue;
        const std::string_view type = next_field();
        next_field();  // the source
        const std::string_view options = next_field();
        const bool v1 = type == "cgroup" && v1_path && is_listed(options, controller);
        const bool v2 = type == "cgroup2" && !v1_path;
        if (found || !(v1 || v2)) return;
        found =
            cgroup_folder{mount, folder_in_mount(mount, root, v1 ? *v1_path : unified_path), v2};
    });
    return found;
}

/// Calls `visit` with the cgroup's folder and each of its parents up to the mount: a limit set on
/// any of them binds.
template <class Visit>
void for_each_ancestor(const cgroup_folder& cgroup, Visit&& visit) {
    std::string path = cgroup.path;
    while (!path.empty() && path.back() == '/') path.pop_back();
    for (; path.size() >= cgroup.mount.size(); path.resize(path.rfind('/'))) {
        visit(path);
        if (path == cgroup.mount) return;
    }
}

}  // namespace accv_cache::detail
