// SPDX-License-Identifier: Apache-2.0
// `explain`, which says what a drop left in memory, why, and which processes hold it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "accv_cache/drop_report.hpp"
#include "accv_cache/holders.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// A number of bytes with a binary unit, such as "3.9 GiB".
inline std::string size_text(std::int64_t bytes) {
    if (bytes < 1024) return std::to_string(bytes) + " B";
    auto count = static_cast<double>(bytes) / 1024;
    const char* const units[] = {"KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    for (; count >= 1024 && unit != 3; ++unit) count /= 1024;
    char text[32];
    static_cast<void>(std::snprintf(text, sizeof text, "%.1f %s", count, units[unit]));
    return text;
}

/// A name in which control characters are escaped.
inline std::string printable(std::string_view name) {
    std::string text;
    for (const char each : name) {
        const auto byte = static_cast<unsigned char>(each);
        char escaped[8];
        static_cast<void>(
            std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned>(byte)));
        if (byte < ' ' || byte == 0x7f)
            text += escaped;
        else
            text += each;
    }
    return text;
}

/// What stayed of one file, a line for each reason.
inline void append_kept(std::string& text, const file_entry<drop_record>& file) {
    const kept_bytes& kept = file.record.kept;
    const struct {
        std::int64_t bytes;
        const char* why;
    } reasons[] = {
        {kept.dirty, "dirty"},
        {kept.writeback, "in writeback"},
        {kept.memory_filesystem, "in a memory file system"},
        {kept.edge, "at an edge of the range"},
        {kept.mapped, "mapped"},
        {kept.busy, "busy"},
    };
    for (const auto& [bytes, why] : reasons)
        if (bytes != 0)
            text += printable(file.path) + ": " + size_text(bytes) + " stayed: " + why + '\n';
}

/// Whether a process may hold what stayed.
inline bool is_held(const kept_bytes& kept) noexcept { return kept.mapped != 0 || kept.busy != 0; }

/// One process that holds one file.
inline std::string holder_text(std::string_view path, const holder& one) {
    std::string text = printable(path) + ": process " + std::to_string(one.process) + " (" +
                       printable(one.command) + ")";
    if (one.mapped_bytes != 0) text += " has " + size_text(one.mapped_bytes) + " mapped";
    if (one.open) text += one.mapped_bytes != 0 ? " and has it open" : " has it open";
    return text + '\n';
}

}  // namespace detail

/// Says in lines of text what failed, what stayed and why, and which processes hold the files of
/// which pages stayed. It looks for them now, by device and inode; see `holders`.
///
///     std::cerr << accv_cache::explain(accv_cache::drop("/data/old"));
///
/// Throws std::bad_alloc and nothing else.
inline std::string explain(const drop_report& report) {
    std::string text;
    bool may_be_held = false;
    for (const auto& file : report) {
        const std::string message = file.message();
        if (!message.empty()) text += detail::printable(file.path) + ": " + message + '\n';
        detail::append_kept(text, file);
        may_be_held = may_be_held || detail::is_held(file.record.kept);
    }
    if (!may_be_held) return text.empty() ? "nothing stayed\n" : text;
    const holders_report held = holders(report);
    for (const holder& each : held.holders)
        if (detail::is_held(report[each.file].kept))
            text += detail::holder_text(report.path(each.file), each);
    if (held.holders.empty()) text += "no process was seen to hold them\n";
    if (held.unreadable_processes != 0)
        text += "processes that could not be looked into: " +
                std::to_string(held.unreadable_processes) + '\n';
    if (held.hidden_processes)
        text += "other processes are hidden: /proc is mounted with hidepid\n";
    return text;
}

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
