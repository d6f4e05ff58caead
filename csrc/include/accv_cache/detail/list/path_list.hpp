// SPDX-License-Identifier: Apache-2.0
// A list of paths that costs little more than their letters.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Reserves memory for `more` elements, so that appending them cannot fail half-way.
template <class Buffer>
void make_room(Buffer& buffer, std::size_t more) {
    if (buffer.capacity() - buffer.size() < more)
        buffer.reserve(std::max(buffer.size() + more, 2 * buffer.capacity()));
}

/// Paths one after another in one buffer, each with its NUL. No path needs an allocation of its
/// own, so a million of them need little more memory than their characters.
class path_list {
public:
    /// Appends a path that is not of this list. Throws std::bad_alloc; the list is then as before.
    void append(std::string_view path) {
        make_room(starts_, 1);
        make_room(text_, path.size() + 1);
        starts_.push_back(text_.size());
        text_.append(path).push_back('\0');
    }

    /// Keeps at most the first `count`.
    void truncate(std::size_t count) {
        if (count >= size()) return;
        text_.resize(starts_[count]);
        starts_.resize(count);
    }

    std::size_t size() const noexcept { return starts_.size(); }

    /// The path as a C string.
    const char* operator[](std::size_t position) const noexcept {
        return text_.data() + starts_[position];
    }
    /// The path with any NUL byte inside it.
    std::string_view text(std::size_t position) const noexcept {
        const std::size_t end = position + 1 < size() ? starts_[position + 1] : text_.size();
        return {(*this)[position], end - starts_[position] - 1};
    }
    bool has_nul(std::size_t position) const noexcept {
        return text(position).find('\0') != std::string_view::npos;
    }

private:
    std::string text_;
    std::vector<std::size_t> starts_;
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
