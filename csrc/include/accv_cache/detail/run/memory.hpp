// SPDX-License-Identifier: Apache-2.0
// Handles a lack of memory, in programs with and without exceptions.
#pragma once

#include <cstdlib>
#include <new>

#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Calls `body()`. Returns false if memory ran out; a program without exceptions ends instead.
template <class Body>
bool has_memory_for(Body&& body) {
#if defined(__cpp_exceptions)
    try {
        body();
    } catch (const std::bad_alloc&) {
        return false;
    }
#else
    body();
#endif
    return true;
}

[[noreturn]] inline void throw_bad_alloc() {
#if defined(__cpp_exceptions)
    throw std::bad_alloc();
#else
    std::abort();
#endif
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
