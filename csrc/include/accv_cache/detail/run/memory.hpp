// SPDX-License-Identifier: Apache-2.0
// What a call does when memory runs out, in programs with exceptions and in those without.
#pragma once

#include <cstdlib>
#include <new>

#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Calls `body()`. False if memory ran out in it; a program without exceptions has ended then.
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
