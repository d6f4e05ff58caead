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

namespace accv_cache::detail {

/// Reads a whole file of the kernel's, such as those under /proc and /sys. False if it cannot be.
inline bool read_small_file(const char* path, std::string& text) {
    text.clear();
    const descriptor file = descriptor::open(path);
    if (!file) return false;
    char buffer[4096];
    for (;;) {
        const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return got == 0;
        text.append(buffer, static_cast<std::size_t>(got));
    }
}

/// The same as a value: empty if it cannot be read.
inline std::string read_small_file(const std::string& path) {
    std::string text;
    read_small_file(path.c_str(), text);
    return text;
}

/// The number that `text` starts with, after spaces; nothing where it starts with none ("max").
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

}  // namespace accv_cache::detail
