// SPDX-License-Identifier: Apache-2.0
// Reads the small text files under /proc and /sys.
#pragma once

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "accv_cache/detail/file/descriptor.hpp"
#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Whether this errno says that a file is not there or is not for the caller, and not that looking
/// for it failed.
inline bool is_out_of_reach(int error) noexcept {
    return error == ENOENT || error == ENOTDIR || error == EACCES || error == EPERM ||
           error == ELOOP || error == ENAMETOOLONG;
}

/// Reads a whole file of the kernel into `text`. Returns 0, or an errno with an empty `text`.
inline int read_kernel_text(const char* path, std::string& text) {
    text.clear();
    const descriptor file = descriptor::open(path);
    if (!file) return file.error();
    char buffer[4096];
    int interruptions = 0;  // lxcfs, a FUSE server, may answer so every time
    for (;;) {
        const ssize_t got = sys::read(file.get(), buffer, sizeof buffer);
        if (got == -EINTR && ++interruptions != 100) continue;
        if (got == 0) return 0;
        if (got < 0) {  // for example ENODEV: the cgroup was removed meanwhile
            text.clear();
            return static_cast<int>(-got);
        }
        text.append(buffer, static_cast<std::size_t>(got));
    }
}

/// Returns false if it cannot be read.
inline bool read_small_file(const char* path, std::string& text) {
    return read_kernel_text(path, text) == 0;
}

/// Returns the text, empty if it cannot be read.
inline std::string read_small_file(const std::string& path) {
    std::string text;
    read_kernel_text(path.c_str(), text);
    return text;
}

/// The number at the start of `text`, after spaces; nullopt if there is none ("max").
inline std::optional<std::int64_t> leading_number(std::string_view text) noexcept {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() ? std::optional(number) : std::nullopt;
}

/// Calls `visit` with each line of `text`, without its newline.
template <class Visit>
void for_each_line(std::string_view text, Visit&& visit) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        visit(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

/// The number in the line of `text` that starts with `name` and a space, as in memory.stat
/// ("anon 4096") and /proc/meminfo ("MemTotal:  16384 kB", where the name includes the colon).
inline std::optional<std::int64_t> named_number(std::string_view text,
                                                std::string_view name) noexcept {
    std::optional<std::int64_t> number;
    for_each_line(text, [&](std::string_view line) {
        if (line.size() > name.size() && line[name.size()] == ' ' &&
            line.substr(0, name.size()) == name)
            number = leading_number(line.substr(name.size()));
    });
    return number;
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
