// SPDX-License-Identifier: Apache-2.0
// What a call works on: paths, and descriptors that the caller holds open.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "accv_cache/detail/list/path_list.hpp"
#include "accv_cache/version.hpp"

#if defined(__linux__)
#include <limits.h>

#include "accv_cache/detail/system_calls.hpp"
#endif

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

#if defined(_WIN32)
using path_text = std::string;  // paths are wide there, and are copied
#else
using path_text = std::string_view;
#endif

/// Whether a value is a path: a text, or a std::filesystem::path, whose header is not included.
template <class Value, class = void>
struct is_path : std::is_convertible<const Value&, std::string_view> {};
template <class Value>
struct is_path<Value, std::void_t<decltype(std::declval<const Value&>().native())>>
    : std::bool_constant<std::is_convertible_v<decltype(std::declval<const Value&>().native()),
                                               std::string_view> ||
                         std::is_convertible_v<decltype(std::declval<const Value&>().native()),
                                               std::wstring_view>> {};

template <class Path>
path_text text_of(const Path& path) {
    using namespace std::string_view_literals;
    if constexpr (std::is_convertible_v<const Path&, const char*>) {
        const char* const text = path;
        return path_text(text != nullptr ? text : "\0"sv);  // no path can have this name
    } else if constexpr (std::is_convertible_v<const Path&, std::string_view>) {
        return path_text(static_cast<std::string_view>(path));
    } else if constexpr (std::is_convertible_v<decltype(path.native()), std::string_view>) {
        return path_text(path.native());
    } else {
        return path.string();
    }
}

/// The name of a descriptor in a report: on Linux the path that /proc shows.
inline std::string name_of(int descriptor) {
#if defined(__linux__)
    const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
    char target[PATH_MAX];
    const ssize_t length = sys::readlink(link.c_str(), target, sizeof target);
    return length > 0 ? std::string(target, static_cast<std::size_t>(length)) : link;
#else
    return "descriptor " + std::to_string(descriptor);
#endif
}

}  // namespace detail

// NOLINTBEGIN(misc-explicit-constructor): a call takes whatever makes one

/// One file: a path, or a descriptor that the caller holds open. It refers to the path's text.
class target {
public:
    /// A `const char*`, `std::string`, `std::string_view`, `std::filesystem::path`, or anything
    /// that converts to a `std::string_view`. A null pointer is no file's name.
    template <class Path, std::enable_if_t<detail::is_path<Path>::value, int> = 0>
    target(const Path& path) : path_(detail::text_of(path)) {}

    /// A descriptor. It stays open, and keeps its offset. That of a directory means no files.
    target(int descriptor) : descriptor_(descriptor), is_descriptor_(true) {}

    /// A bool is no descriptor, nor is a number of another type than int.
    template <class Number, std::enable_if_t<std::is_arithmetic_v<Number>, int> = 0>
    target(Number) = delete;
    target(std::nullptr_t) = delete;

private:
    friend class targets;

    detail::path_text path_;
    int descriptor_ = -1;
    bool is_descriptor_ = false;
};

namespace detail {

template <class Files>
using item_of = decltype(*std::begin(std::declval<Files&>()));

template <class Files, class = void>
struct is_range_of_targets : std::false_type {};
template <class Files>
struct is_range_of_targets<Files, std::void_t<item_of<Files>>>
    : std::is_convertible<item_of<Files>, target> {};

template <class Files>
constexpr bool is_targets =
    std::is_convertible_v<Files, target> || is_range_of_targets<Files>::value;

}  // namespace detail

/// The files that a call works on. Each call takes whatever makes one:
///
///     accv_cache::drop("a.mp4");                    // a path of any type
///     accv_cache::drop({"a.mp4", folder / "b"});    // several, of any types
///     accv_cache::drop(clips);                      // any range of paths or descriptors
///     accv_cache::drop(descriptor);                 // one that the caller holds open
///     accv_cache::drop({});                         // no file
class targets {
public:
    /// No file.
    targets() = default;

    /// A braced list.
    targets(std::initializer_list<target> files) {
        for (const target& each : files) append(each);
    }

    /// One file, or a range of them. Paths are copied.
    template <class Files, std::enable_if_t<detail::is_targets<Files>, int> = 0>
    targets(Files&& files) {
        if constexpr (std::is_convertible_v<Files, target>)
            append(files);
        else
            for (auto&& each : files) append(each);
    }

    /// The same as for `target`, for the sake of a clear error.
    template <
        class Number,
        std::enable_if_t<std::is_arithmetic_v<Number> && !std::is_same_v<Number, int>, int> = 0>
    targets(Number) = delete;

    /// Appends a file. Throws std::bad_alloc; the list is then as before.
    void append(const target& file) {
        if (file.is_descriptor_) {
            detail::make_room(descriptors_, 1);
            paths_.append(detail::name_of(file.descriptor_));
            descriptors_.push_back({paths_.size() - 1, file.descriptor_});
        } else {
            paths_.append(file.path_);
        }
    }

    /// The number of files.
    std::size_t size() const noexcept { return paths_.size(); }

    /// A descriptor of the list.
    struct descriptor {
        std::size_t position;  ///< Its place in the list.
        int number;            ///< Its number.
    };
    /// The descriptors, in order.
    const std::vector<descriptor>& descriptors() const noexcept { return descriptors_; }
    /// The paths of all files, in order.
    const detail::path_list& paths() const noexcept { return paths_; }
    /// Moves the paths out of the list.
    detail::path_list take_paths() noexcept { return std::move(paths_); }

private:
    detail::path_list paths_;
    std::vector<descriptor> descriptors_;
};

// NOLINTEND(misc-explicit-constructor)

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
