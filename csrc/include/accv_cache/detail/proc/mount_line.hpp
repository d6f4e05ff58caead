// SPDX-License-Identifier: Apache-2.0
// Reads a line of /proc/PID/mountinfo.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Decodes the escapes of /proc/PID/mountinfo: "\040" is a space.
inline std::string unescaped(std::string_view text) {
    const auto is_octal = [](char letter) { return letter >= '0' && letter <= '7'; };
    std::string plain;
    while (!text.empty()) {
        const bool escaped =
            text.size() >= 4 && text[0] == '\\' && std::all_of(&text[1], &text[1] + 3, is_octal);
        plain += escaped
                     ? static_cast<char>((text[1] - '0') * 64 + (text[2] - '0') * 8 + text[3] - '0')
                     : text[0];
        text.remove_prefix(escaped ? 4 : 1);
    }
    return plain;
}

/// A line of /proc/PID/mountinfo: "id parent device root point options... - type source options",
/// see proc(5).
struct mount_line {
    std::string_view id;
    std::string_view parent;
    std::string root;   ///< The part of the file system that it shows; "" is the root.
    std::string point;  ///< Where it is mounted; "" is the root folder.
    std::string_view type;
    std::string source;        ///< The device, for a file system on a disk.
    std::string_view options;  ///< Of the file system; they include the controllers of version 1.

    static mount_line of(std::string_view line) {
        const auto next_field = [&line] {
            const std::size_t end = std::min(line.find(' '), line.size());
            const std::string_view field = line.substr(0, end);
            line.remove_prefix(std::min(end + 1, line.size()));
            return field;
        };
        const auto next_path = [&next_field] {
            std::string path = unescaped(next_field());
            if (path == "/") path.clear();
            return path;
        };
        mount_line mount;
        mount.id = next_field();
        mount.parent = next_field();
        next_field();  // the device
        mount.root = next_path();
        mount.point = next_path();
        while (!line.empty() && next_field() != "-") continue;
        mount.type = next_field();
        mount.source = unescaped(next_field());
        mount.options = next_field();
        return mount;
    }
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
