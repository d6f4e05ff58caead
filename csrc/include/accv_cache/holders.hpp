// SPDX-License-Identifier: Apache-2.0
// `holders`, which finds the processes that have files mapped or open.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "accv_cache/version.hpp"

#if defined(__linux__)
#include <sys/stat.h>

#include "accv_cache/detail/proc/process_scan.hpp"
#endif

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {

/// A process that has a file mapped, open, or both.
struct holder {
    int process = 0;                ///< Its id.
    std::string command;            ///< Its name, as in /proc/PID/comm.
    std::size_t file = 0;           ///< The file's position in the list.
    std::int64_t mapped_bytes = 0;  ///< How much of it is mapped, resident or not; 0: nothing.
    bool open = false;              ///< Whether it has a descriptor for it.
};

/// The processes that hold some files.
struct holders_report {
    std::vector<holder> holders;           ///< One entry per process and file.
    std::size_t unreadable_processes = 0;  ///< Processes that the caller may not inspect.
    /// Whether /proc hides other processes from the caller (hidepid, proc(5)). Their number is
    /// unknown.
    bool hidden_processes = false;
    /// The errno of reading the list of processes, such as EMFILE; 0: it was read.
    int error = 0;
};

/// Finds the processes that hold files, by /proc/PID/maps and /proc/PID/fd (proc(5)).
///
/// The result is best effort. Processes of other users can be inspected only with CAP_SYS_PTRACE.
/// Processes outside the container are not visible. A process that opened the file through another
/// overlayfs mount seems to hold another file.
///
///     for (const auto& each : accv_cache::holders({"/data/clip.mp4"}).holders)
///         std::printf("%d %s\n", each.process, each.command.c_str());
///
/// A file that does not exist, or may not be looked up, has no holders. On other systems no file
/// has. Throws std::bad_alloc and nothing else.
inline holders_report holders(const std::vector<std::string>& paths) {
    holders_report report;
#if defined(__linux__)
    detail::process_scan scan;
    std::vector<std::vector<std::size_t>> positions;  // for each file of the scan
    for (std::size_t i = 0; i != paths.size(); ++i) {
        struct stat status{};
        if (::stat(paths[i].c_str(), &status) != 0) continue;
        const std::size_t number = scan.add(detail::file_identity::of(status), paths[i]);
        if (number == positions.size()) positions.emplace_back();
        positions[number].push_back(i);
    }
    if (positions.empty()) return report;
    const detail::scan_gaps gaps =
        scan.run(true, [&](int process, const std::vector<detail::held_file>& held) {
            std::string command =
                detail::read_small_file("/proc/" + std::to_string(process) + "/comm");
            if (!command.empty() && command.back() == '\n') command.pop_back();
            for (const detail::held_file& each : held)
                for (const std::size_t position : positions[each.file])
                    report.holders.push_back(
                        {process, command, position, each.mapped_bytes, each.open});
        });
    report.unreadable_processes = gaps.unreadable_processes;
    report.hidden_processes = gaps.hidden_processes;
    report.error = gaps.error;
#else
    static_cast<void>(paths);
#endif
    return report;
}

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
