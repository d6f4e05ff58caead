// SPDX-License-Identifier: Apache-2.0
// The version of the library.
#pragma once

/// @file
/// CMake, the wheel and Python read the version from here.

#if (defined(_MSVC_LANG) ? _MSVC_LANG : __cplusplus) < 201703L
#error "accv_cache needs C++17: compile with -std=c++17 or a newer standard"
#endif

#define ACCV_CACHE_VERSION_MAJOR 0  ///< The first part, a number for `#if`.
#define ACCV_CACHE_VERSION_MINOR 1  ///< The second part.
#define ACCV_CACHE_VERSION_PATCH 0  ///< The third part.
#define ACCV_CACHE_VERSION "0.1.0"  ///< All of it, as text.

/// The inline namespace that everything is in: libraries that were built with two versions can live
/// in one process, and each calls its own.
#define ACCV_CACHE_ABI v0_1
