// SPDX-License-Identifier: Apache-2.0
// Sums of bytes over files. A sparse file has up to 2**63 bytes, so a few together have more than a
// number can hold.
#pragma once

#include <cstdint>

#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Adds to a sum, which ends at the largest number. Neither is negative.
inline void add_bytes(std::int64_t& sum, std::int64_t bytes) noexcept {
    sum = bytes < INT64_MAX - sum ? sum + bytes : INT64_MAX;
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
