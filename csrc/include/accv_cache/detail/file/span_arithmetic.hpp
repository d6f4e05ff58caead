// SPDX-License-Identifier: Apache-2.0
// The arithmetic of lists of byte ranges.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "accv_cache/detail/file/byte_range.hpp"
#include "accv_cache/residency.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Ranges of whole pages in ascending order, which neither overlap nor touch.
using page_spans = std::vector<resident_span>;

/// Adds the pages of [start, stop), which must not start before the last range does.
inline void add_pages(page_spans& spans, std::int64_t start, std::int64_t stop) {
    if (start >= stop) return;
    start = start / page_size() * page_size();
    stop = round_up_to_page(stop);
    if (!spans.empty() && start <= spans.back().stop)
        spans.back().stop = std::max(spans.back().stop, stop);
    else
        spans.push_back({start, stop});
}

/// The pages of ranges that may overlap and have any order.
inline page_spans pages_of(std::vector<resident_span> ranges) {
    std::sort(ranges.begin(), ranges.end(),
              [](const resident_span& left, const resident_span& right) {
                  return left.start < right.start;
              });
    page_spans spans;
    for (const resident_span& each : ranges)
        add_pages(spans, std::max<std::int64_t>(each.start, 0), each.stop);
    return spans;
}

/// The pages of `spans` that are not in `others`.
inline page_spans without(const page_spans& spans, const page_spans& others) {
    page_spans rest;
    auto other = others.begin();
    for (const resident_span& each : spans) {
        std::int64_t start = each.start;
        while (other != others.end() && other->stop <= start) ++other;
        for (auto next = other; next != others.end() && next->start < each.stop; ++next) {
            add_pages(rest, start, next->start);
            start = next->stop;
        }
        add_pages(rest, start, each.stop);
    }
    return rest;
}

/// The pages of `spans` that overlap [start, stop).
inline page_spans within(const page_spans& spans, std::int64_t start, std::int64_t stop) {
    page_spans part;
    for (const resident_span& each : spans)
        add_pages(part, std::max(each.start, start), std::min(each.stop, stop));
    return part;
}

/// The parts of `range`, in a file of `size` bytes, that are not in `spans`.
inline std::vector<byte_range> parts_outside(const page_spans& spans, const byte_range& range,
                                             std::int64_t size) {
    std::vector<byte_range> parts;
    const std::int64_t end = range.end(size);
    std::int64_t start = range.offset;
    for (const resident_span& each : spans) {
        if (each.start >= end) break;
        if (each.start > start) parts.push_back({start, each.start - start});
        start = std::max(start, each.stop);
    }
    // To the end of a range without a length, wherever that is by now.
    if (start < end) parts.push_back({start, range.length == 0 ? 0 : end - start});
    return parts;
}

inline std::int64_t bytes_of(const page_spans& spans) noexcept {
    std::int64_t bytes = 0;
    for (const resident_span& each : spans) bytes += each.stop - each.start;
    return bytes;
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
