// SPDX-License-Identifier: Apache-2.0
// The pages that `drop` keeps: those that were resident when a report was made.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "accv_cache/cache_report.hpp"
#include "accv_cache/detail/file/byte_range.hpp"
#include "accv_cache/detail/file/span_arithmetic.hpp"
#include "accv_cache/residency.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// The spans of a report by path. A file that the report does not have keeps nothing.
class spared_pages {
public:
    /// `warm` must outlive it; nullptr: no file keeps anything.
    explicit spared_pages(const cache_report* warm) {
        for (std::size_t i = 0; warm != nullptr && i != warm->size(); ++i) {
            if ((*warm)[i].error == ENOENT) continue;
            std::vector<resident_spans>& of_file = files_[warm->path(i)];
            of_file.push_back(warm->spans(i));
        }
    }

    /// Whether the report has the file, but not what was resident of it.
    bool is_unknown(std::string_view path) const {
        const auto file = files_.find(path);
        if (file == files_.end()) return false;
        return std::any_of(file->second.begin(), file->second.end(),
                           [](const resident_spans& each) { return !each; });
    }

    /// The pages that are kept of a file.
    page_spans of(std::string_view path) const {
        const auto file = files_.find(path);
        if (file == files_.end()) return {};
        std::vector<resident_span> kept;
        for (const resident_spans& each : file->second)
            if (each) kept.insert(kept.end(), each->begin(), each->end());
        return pages_of(std::move(kept));
    }

    /// The parts of `range`, in a file of `size` bytes, that are not kept.
    std::vector<byte_range> rest_of(std::string_view path, const byte_range& range,
                                    std::int64_t size) const {
        if (files_.find(path) == files_.end()) return {range};
        return parts_outside(of(path), range, size);
    }

private:
    std::unordered_map<std::string_view, std::vector<resident_spans>> files_;
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
