#pragma once

/// The one place that knows the version: CMake, the wheel and Python all read it from here.
#define ACCV_CACHE_VERSION_MAJOR 0
#define ACCV_CACHE_VERSION_MINOR 1
#define ACCV_CACHE_VERSION_PATCH 0
#define ACCV_CACHE_VERSION "0.1.0"
