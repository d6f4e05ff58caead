// SPDX-License-Identifier: Apache-2.0
// The resident ranges of a file, exact to the page.
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "accv_cache/detail/file/byte_range.hpp"
#include "accv_cache/detail/file/file_status.hpp"
#include "accv_cache/detail/file/file_system.hpp"
#include "accv_cache/detail/file/read_residency.hpp"
#include "accv_cache/residency.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Finds resident ranges in a file of `size` bytes.
class span_search {
public:
    span_search(int fd, file_system_kind kind, std::int64_t size, const keep_going& go_on)
        : fd_(fd), file_(fd, kind), size_(size), go_on_(go_on) {}

    /// With mincore(2) only, in [start, stop). Returns false if that fails.
    bool by_mincore(std::int64_t start, std::int64_t stop) {
        const std::int64_t page = page_size();
        const auto visit = [&](std::int64_t at) { add(found_, at, at + page); };
        return for_each_resident_page(file_.get(), start, stop, go_on_, visit) == 0;
    }

    /// With cachestat(2), which is right but reports only the number of pages, so a range is halved
    /// until the number determines the pages. Where mincore(2) sees as many in a smaller range, it
    /// sees the same ones, and is faster. It does not see a page that is only partly up to date, or
    /// that is being read. `start` and `stop` are whole pages, of which `resident` bytes are.
    bool by_cachestat(std::int64_t start, std::int64_t stop, std::int64_t resident) {
        const std::int64_t page = page_size();
        std::vector<std::int64_t> stops{stop};  // of the ranges to search, the next one last
        while (true) {
            if (determine(start, stops.back(), resident)) {
                start = stops.back();
                stops.pop_back();
            } else {
                stops.push_back(start + (stops.back() - start) / 2 / page * page);
            }
            if (stops.empty()) return true;
            residency told;
            if ((go_on_ && !go_on_()) || cachestat(fd_, {start, stops.back() - start}, told) != 0)
                return false;
            resident = told.resident_bytes;
        }
    }

    std::vector<resident_span> take() noexcept { return std::move(found_); }

private:
    void add(std::vector<resident_span>& spans, std::int64_t start, std::int64_t stop) const {
        stop = std::min(stop, size_);
        if (!spans.empty() && spans.back().stop == start)
            spans.back().stop = stop;
        else
            spans.push_back({start, stop});
    }

    /// Returns false if `resident` bytes may be several sets of pages.
    bool determine(std::int64_t start, std::int64_t stop, std::int64_t resident) {
        if (resident == 0) return true;
        if (resident >= stop - start) {
            add(found_, start, stop);
            return true;
        }
        return stop - start <= page_size() * mincore_window && try_mincore(start, stop, resident);
    }

    /// Returns false unless mincore(2) sees exactly `resident` bytes.
    bool try_mincore(std::int64_t start, std::int64_t stop, std::int64_t resident) {
        const std::int64_t page = page_size();
        std::vector<resident_span> seen;
        const auto visit = [&](std::int64_t at) {
            add(seen, at, at + page);
            resident -= page;
        };
        if (for_each_resident_page(file_.get(), start, stop, go_on_, visit) != 0 || resident != 0)
            return false;
        for (const resident_span& each : seen) add(found_, each.start, each.stop);
        return true;
    }

    const int fd_;
    const mappable file_;
    const std::int64_t size_;
    const keep_going& go_on_;
    std::vector<resident_span> found_;
};

/// The resident ranges of `range`, whose residency `told` was just read; nullopt if unknown.
inline resident_spans read_spans(int fd, const byte_range& range, const struct stat& status,
                                 const residency& told, file_system_lookup& file_systems,
                                 const keep_going& go_on = {}) {
    if (!told.known()) return std::nullopt;
    if (told.resident_bytes == 0) return std::vector<resident_span>();
    if (!has_size(status)) return std::nullopt;
    const std::int64_t first = range.offset / page_size() * page_size();
    const std::int64_t last = round_up_to_page(range.end(status.st_size));
    span_search search(fd, file_systems.of(fd, status), status.st_size, go_on);
    const bool done = told.source == residency_source::CACHESTAT
                          ? search.by_cachestat(first, last, told.resident_bytes)
                          : search.by_mincore(first, last);
    return done ? resident_spans(search.take()) : std::nullopt;
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
