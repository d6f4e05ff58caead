// SPDX-License-Identifier: Apache-2.0
// The owner of an open directory, with the loop over its entries.
#pragma once

#include <dirent.h>
#include <fcntl.h>

#include <memory>
#include <string_view>

#include "accv_cache/detail/file/descriptor.hpp"
#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Owns one open directory, or holds the errno that says why there is none.
class open_directory {
public:
    /// The flags that open a directory for listing.
    static constexpr int flags = O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC;

    explicit open_directory(const char* path) noexcept
        : open_directory(descriptor::own(sys::open(path, flags))) {}

    explicit open_directory(descriptor opened) noexcept : error_(opened.error()) {
        DIR* stream = nullptr;
        if (opened) error_ = -sys::fdopendir(opened.get(), stream);
        if (stream == nullptr) return;
        stream_.reset(stream);
        opened.release();
    }

    explicit operator bool() const noexcept { return stream_ != nullptr; }
    int fd() const noexcept { return ::dirfd(stream_.get()); }

    /// The errno of opening it; 0 while it is open.
    int error() const noexcept { return error_; }

    /// Calls `visit` with each entry except "." and "..". Returns 0, or the errno of readdir(3).
    template <class Visit>
    int for_each_entry(Visit&& visit) const {
        const dirent* entry = nullptr;
        for (;;) {
            const int error = sys::readdir(stream_.get(), entry);
            if (entry == nullptr) return -error;
            const std::string_view name = entry->d_name;
            if (name != "." && name != "..") visit(*entry);
        }
    }

private:
    struct closer {
        void operator()(DIR* directory) const noexcept { sys::closedir(directory); }
    };

    std::unique_ptr<DIR, closer> stream_;
    int error_;
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
