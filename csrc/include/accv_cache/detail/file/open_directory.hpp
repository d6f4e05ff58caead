// SPDX-License-Identifier: Apache-2.0
// An open directory, and the loop over its entries.
#pragma once

#include <dirent.h>

#include <cerrno>
#include <memory>
#include <string_view>

namespace accv_cache::detail {

/// Owns one open directory, or remembers why there is none.
class open_directory {
public:
    explicit open_directory(const char* path) noexcept
        : stream_(::opendir(path)), error_(stream_ != nullptr ? 0 : errno) {}

    explicit operator bool() const noexcept { return stream_ != nullptr; }
    int fd() const noexcept { return ::dirfd(stream_.get()); }

    /// The errno that kept it from being opened; 0 while it is open.
    int error() const noexcept { return error_; }

    /// Calls `visit` with each entry but "." and "..". Returns 0, or the errno of readdir(3).
    template <class Visit>
    int for_each_entry(Visit&& visit) const {
        for (;;) {
            errno = 0;  // only so can its end be told from an error
            const dirent* const entry = ::readdir(stream_.get());
            if (entry == nullptr) return errno;
            const std::string_view name = entry->d_name;
            if (name != "." && name != "..") visit(*entry);
        }
    }

private:
    struct closer {
        void operator()(DIR* directory) const noexcept { ::closedir(directory); }
    };

    std::unique_ptr<DIR, closer> stream_;
    int error_;
};

}  // namespace accv_cache::detail
