// SPDX-License-Identifier: Apache-2.0
// `holders`, which finds the processes that have files mapped or open.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "accv_cache/drop_report.hpp"
#include "accv_cache/file_identity.hpp"
#include "accv_cache/targets.hpp"
#include "accv_cache/version.hpp"

#if defined(__linux__)
#include <sys/stat.h>

#include "accv_cache/detail/proc/process_scan.hpp"
#include "accv_cache/detail/system_calls.hpp"
#endif

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {

/// A process that has a file mapped, open, or both.
struct holder {
    int process = 0;                ///< Its id.
    std::string command;            ///< Its name, as in /proc/PID/comm.
    std::size_t file = 0;           ///< The file's position in the list or report.
    std::int64_t mapped_bytes = 0;  ///< How much of it is mapped, resident or not; 0: nothing.
    bool open = false;              ///< Whether it has a descriptor for it.
};

/// The processes that hold some files.
struct holders_report {
    std::vector<holder> holders;           ///< One entry per process and file.
    std::size_t unreadable_processes = 0;  ///< Those that could not be inspected, or not wholly.
    /// Whether /proc hides other processes from the caller (hidepid, proc(5)). Their number is
    /// unknown.
    bool hidden_processes = false;
    /// The errno of reading the list of processes, or of looking for a file, such as EMFILE; 0:
    /// neither failed.
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
/// A descriptor means the file that is open, whatever its name is now. A file that does not exist,
/// or may not be looked up, has no holders. On other systems no file has. Throws std::bad_alloc and
/// nothing else.
inline holders_report holders(const targets& files);

/// The same for the files of a report: those that `drop` opened, whatever has their names now.
///
///     const auto report = accv_cache::drop(descriptor);
///     if (report.totals().kept.mapped != 0) show(accv_cache::holders(report));
///
/// Without CAP_CHECKPOINT_RESTORE, who maps a file of Btrfs or overlayfs is found only while the
/// file has the name that it has in the report.
template <class Report, std::enable_if_t<std::is_same_v<Report, drop_report>, int> = 0>
holders_report holders(const Report& report);

#if defined(__linux__)

namespace detail {

/// Looks for the holders of the files of a list.
class holder_search {
public:
    /// Adds the file at a position of the list. `name` is a name of it, or was one.
    void add(std::size_t position, const file_identity& file, std::string_view name) {
        if (!file.known()) return;
        const std::size_t number = scan_.add(file, name);
        if (number == positions_.size()) positions_.emplace_back();
        positions_[number].push_back(position);
    }

    /// Adds the file that has the name now, if there is one.
    void add(std::size_t position, const std::string& path) {
        struct stat status{};
        const int error = -sys::stat(path.c_str(), status);
        if (error == 0) add(position, file_identity::of(status), path);
        if (error != 0 && !is_out_of_reach(error)) error_ = error;
    }

    holders_report run() {
        holders_report report;
        report.error = error_;
        if (positions_.empty()) return report;
        const scan_gaps gaps =
            scan_.run(true, [&](int process, const std::vector<held_file>& held) {
                std::string command = read_small_file("/proc/" + std::to_string(process) + "/comm");
                if (!command.empty() && command.back() == '\n') command.pop_back();
                for (const held_file& each : held)
                    for (const std::size_t position : positions_[each.file])
                        report.holders.push_back(
                            {process, command, position, each.mapped_bytes, each.open});
            });
        report.unreadable_processes = gaps.unreadable_processes;
        report.hidden_processes = gaps.hidden_processes;
        if (gaps.error != 0) report.error = gaps.error;
        return report;
    }

private:
    process_scan scan_;
    std::vector<std::vector<std::size_t>> positions_;  // of each file of the scan
    int error_ = 0;
};

}  // namespace detail

inline holders_report holders(const targets& files) {
    detail::holder_search search;
    auto descriptor = files.descriptors().begin();
    for (std::size_t i = 0; i != files.size(); ++i)
        if (descriptor != files.descriptors().end() && descriptor->position == i)
            search.add(i, "/proc/thread-self/fd/" + std::to_string(descriptor++->number));
        else if (!files.paths().has_nul(i))
            search.add(i, files.paths()[i]);
    return search.run();
}

template <class Report, std::enable_if_t<std::is_same_v<Report, drop_report>, int>>
holders_report holders(const Report& report) {
    detail::holder_search search;
    for (std::size_t i = 0; i != report.size(); ++i)
        search.add(i, report[i].identity, report.path(i));
    return search.run();
}

#else

inline holders_report holders(const targets&) { return {}; }
template <class Report, std::enable_if_t<std::is_same_v<Report, drop_report>, int>>
holders_report holders(const Report&) {
    return {};
}

#endif

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
