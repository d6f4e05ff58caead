// SPDX-License-Identifier: Apache-2.0
// The pages that `drop` keeps: those that were resident when a report was made.
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "accv_cache/cache_report.hpp"
#include "accv_cache/detail/file/byte_range.hpp"
#include "accv_cache/detail/file/span_arithmetic.hpp"
#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/file_identity.hpp"
#include "accv_cache/residency.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// The spans of a report by file. A file that the report does not have keeps nothing.
///
/// A path may be spelled in another way than in the report, such as through a link to its folder.
/// So files are found by the identity of the folder, and the name in it.
class spared_pages {
public:
    /// `warm` must outlive it; nullptr: no file keeps anything.
    explicit spared_pages(const cache_report* warm) {
        std::unordered_map<std::string_view, file_identity> folders;
        for (std::size_t i = 0; warm != nullptr && i != warm->size(); ++i) {
            if ((*warm)[i].error == ENOENT) continue;
            const std::string_view path = warm->path(i);
            const auto [folder, is_new] = folders.try_emplace(folder_of(path));
            if (is_new) folder->second = identity_of(folder->first);
            std::vector<resident_spans>& of_file = files_[place_of(path, folder->second)];
            of_file.push_back(warm->spans(i));
            spelled_.emplace(path, &of_file);
        }
    }
    spared_pages(const spared_pages&) = delete;
    spared_pages& operator=(const spared_pages&) = delete;
    ~spared_pages() = default;

    /// Whether the report has the file, but not what was resident of it.
    bool is_unknown(std::string_view path) const {
        const auto* file = find(path);
        return file != nullptr && std::any_of(file->begin(), file->end(),
                                              [](const resident_spans& each) { return !each; });
    }

    /// The pages that are kept of a file.
    page_spans of(std::string_view path) const {
        const auto* file = find(path);
        return file != nullptr ? pages_in(*file) : page_spans();
    }

    /// The parts of `range`, in a file of `size` bytes, that are not kept.
    std::vector<byte_range> rest_of(std::string_view path, const byte_range& range,
                                    std::int64_t size) const {
        const auto* file = find(path);
        if (file == nullptr) return {range};
        return parts_outside(pages_in(*file), range, size);
    }

private:
    struct place {
        file_identity folder;
        std::string_view name;  ///< In the folder; the whole path if the folder is unknown.

        friend bool operator==(const place& left, const place& right) noexcept {
            return left.folder == right.folder && left.name == right.name;
        }
    };
    struct place_hash {
        std::size_t operator()(const place& file) const noexcept {
            return file_identity_hash()(file.folder) ^ std::hash<std::string_view>()(file.name);
        }
    };

    static std::string_view folder_of(std::string_view path) noexcept {
        const std::size_t slash = path.rfind('/');
        if (slash == std::string_view::npos) return ".";
        return path.substr(0, std::max<std::size_t>(slash, 1));
    }

    static place place_of(std::string_view path, const file_identity& folder) noexcept {
        return {folder, folder.known() ? path.substr(path.rfind('/') + 1) : path};
    }

    static file_identity identity_of(std::string_view folder) {
        struct stat status{};
        const bool is_there = sys::stat(std::string(folder).c_str(), status) == 0;
        return is_there ? file_identity::of(status) : file_identity();
    }

    static page_spans pages_in(const std::vector<resident_spans>& file) {
        std::vector<resident_span> kept;
        for (const resident_spans& each : file)
            if (each) kept.insert(kept.end(), each->begin(), each->end());
        return pages_of(std::move(kept));
    }

    /// What the report has of the file; nullptr: nothing. Threads may call it at the same time.
    const std::vector<resident_spans>* find(std::string_view path) const {
        if (files_.empty()) return nullptr;
        const auto same = spelled_.find(path);
        if (same != spelled_.end()) return same->second;
        const auto file = files_.find(place_of(path, identity_of(folder_of(path))));
        return file != files_.end() ? &file->second : nullptr;
    }

    std::unordered_map<place, std::vector<resident_spans>, place_hash> files_;
    std::unordered_map<std::string_view, const std::vector<resident_spans>*> spelled_;
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
