// SPDX-License-Identifier: Apache-2.0
// Finds the reasons why pages stayed.
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "accv_cache/detail/file/byte_range.hpp"
#include "accv_cache/detail/file/file_system.hpp"
#include "accv_cache/detail/file/read_residency.hpp"
#include "accv_cache/detail/list/path_list.hpp"
#include "accv_cache/detail/proc/process_scan.hpp"
#include "accv_cache/drop_report.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// The resident bytes of `range` in the page or folio that its boundary `edge` cuts. The kernel
/// does not report the size of a folio, but a folio is a naturally aligned power of two of pages,
/// all of them resident. So it is the largest such block around the edge that is resident after the
/// eviction.
inline std::int64_t resident_at_edge(int fd, const byte_range& range, std::int64_t edge,
                                     const struct stat& status,
                                     file_system_lookup& file_systems) noexcept {
    const std::int64_t page = page_size();
    const std::int64_t last = round_up_to_page(status.st_size);
    std::int64_t inside = 0;
    for (std::int64_t block = page; block <= largest_folio(); block *= 2) {
        const std::int64_t start = edge / block * block;
        if (start == edge) continue;
        if (start >= last) break;
        const std::int64_t stop = start + std::min(block, last - start);
        const residency told = read_residency(fd, {start, stop - start}, status, file_systems);
        if (!told.known() || told.resident_bytes != stop - start) break;
        const std::int64_t first = std::max(start, range.offset / page * page);
        inside = std::min(stop, round_up_to_page(range.end(status.st_size))) - first;
    }
    return inside;
}

/// Splits what stayed by reason. The rest is `busy` until a process is found to map it.
inline kept_bytes reasons_for(int fd, const byte_range& range, const struct stat& status,
                              const residency& told, file_system_lookup& file_systems) noexcept {
    kept_bytes kept;
    std::int64_t rest = told.resident_bytes;
    const auto take = [&rest](std::int64_t bytes) {
        const std::int64_t taken = std::min(rest, bytes);
        rest -= taken;
        return taken;
    };
    if (!told.known() || rest == 0) return kept;
    if (file_systems.of(fd, status) == file_system_kind::memory) {
        kept.memory_filesystem = take(rest);
        return kept;
    }
    kept.writeback = take(told.writeback_bytes.value_or(0));
    kept.dirty = take(told.dirty_bytes.value_or(0));
    const std::int64_t end = range.end(status.st_size);
    if (rest != 0 && range.offset != 0)
        kept.edge = take(resident_at_edge(fd, range, range.offset, status, file_systems));
    if (rest != 0 && end != status.st_size)
        kept.edge += take(resident_at_edge(fd, range, end, status, file_systems));
    kept.busy = rest;
    return kept;
}

/// The bytes of the pages that an end of `range` cuts: they stay whether or not a process maps the
/// file.
inline std::int64_t cut_by(const byte_range& range) noexcept {
    const std::int64_t before = range.offset % page_size();
    const std::int64_t last = range.length % page_size();  // their sum could overflow off_t
    const bool start = before != 0;
    const bool end = range.length != 0 && (before + last) % page_size() != 0;
    return (start ? page_size() : 0) + (end ? page_size() : 0);
}

/// Changes `busy` to `mapped` where a process has the file mapped. The same for edge
/// bytes beyond the pages that the range itself cuts: they may be mapped pages.
///
/// It reads the maps of every process, which takes milliseconds. So it is not done for a file whose
/// edges explain all that stayed: who reads a file and drops what was read, again and again, has
/// such an edge every time.
inline void find_mapped(std::vector<drop_record>& records, const path_list& paths,
                        const byte_range& range) {
    process_scan scan;
    std::vector<std::pair<std::size_t, std::size_t>> files;  // position here, number in the scan
    for (std::size_t i = 0; i != records.size(); ++i)
        if (records[i].kept.busy != 0)
            files.emplace_back(i, scan.add(records[i].identity, paths.text(i)));
    if (files.empty()) return;
    std::vector<char> is_mapped(files.size(), 0);
    scan.run(false, [&](int, const std::vector<held_file>& held) {
        for (const held_file& each : held) is_mapped[each.file] = 1;
    });
    for (const auto& [position, number] : files) {
        kept_bytes& kept = records[position].kept;
        if (is_mapped[number] == 0) continue;
        const std::int64_t at_edge = std::min(kept.edge, cut_by(range));
        kept.mapped = std::exchange(kept.busy, 0) + std::exchange(kept.edge, at_edge) - at_edge;
    }
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
