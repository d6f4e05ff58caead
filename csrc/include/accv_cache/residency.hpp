// SPDX-License-Identifier: Apache-2.0
// Types for a file's residency: the source of a figure, why one is unknown, and resident ranges.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {

/// Which system call a residency figure comes from.
enum class residency_source : unsigned char {
    NONE,       ///< The residency is unknown.
    CACHESTAT,  ///< cachestat(2)
    MINCORE,    ///< mincore(2) over a read-only mapping
};

/// Why a residency figure is unknown.
enum class unknown_reason : unsigned char {
    NONE,           ///< It is known, or the file failed or was not touched.
    NOT_PERMITTED,  ///< Only a file's owner or a writer may measure it.
    NOT_READABLE,   ///< Not open for reading, and the file cannot be opened again.
    NOT_SUPPORTED,  ///< The file system cannot be measured on this kernel.
    NO_MAPPING,     ///< mmap(2) failed: no memory, or too many mappings.
};

/// The reason in words; empty for NONE.
constexpr const char* to_string(unknown_reason reason) noexcept {
    switch (reason) {
        case unknown_reason::NONE:
            break;
        case unknown_reason::NOT_PERMITTED:
            return "only its owner or a writer may measure it";
        case unknown_reason::NOT_READABLE:
            return "the descriptor cannot be read, and its file cannot be opened again";
        case unknown_reason::NOT_SUPPORTED:
            return "its file system cannot be measured, or not on this kernel";
        case unknown_reason::NO_MAPPING:
            return "it cannot be mapped: no memory, or too many mappings";
    }
    return "";
}

/// A resident range of a file, in bytes.
struct resident_span {
    std::int64_t start = 0;  ///< Where it starts.
    std::int64_t stop = 0;   ///< One past its last byte.
};

/// The resident ranges of a file, in order; nullopt: unknown, or not requested.
using resident_spans = std::optional<std::vector<resident_span>>;

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
