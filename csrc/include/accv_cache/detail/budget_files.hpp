// SPDX-License-Identifier: Apache-2.0
// The files that went through a `cache_budget`: what each holds, which are in use, and which of
// them are evicted.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "accv_cache/cache_report.hpp"
#include "accv_cache/detail/add_bytes.hpp"
#include "accv_cache/detail/file/advice.hpp"
#include "accv_cache/detail/file/byte_range.hpp"
#include "accv_cache/detail/file/descriptor.hpp"
#include "accv_cache/detail/file/file_status.hpp"
#include "accv_cache/detail/file/file_system.hpp"
#include "accv_cache/detail/file/read_residency.hpp"
#include "accv_cache/detail/file/read_spans.hpp"
#include "accv_cache/detail/file/span_arithmetic.hpp"
#include "accv_cache/detail/spared_pages.hpp"
#include "accv_cache/detail/system_calls.hpp"
#include "accv_cache/file_identity.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// A file for as long as it exists: the inode of a deleted file may be given to a new one, which
/// then has another time of birth. That is 0 where the file system has none.
struct born_file {
    file_identity identity;
    std::int64_t birth_seconds = 0;
    std::uint32_t birth_nanoseconds = 0;

    static born_file of(int fd, const struct stat& status) noexcept {
        born_file file{file_identity::of(status)};
        sys::extended_status more{};
        if (sys::statx(fd, "", AT_EMPTY_PATH, sys::statx_birth, more) == 0 &&
            (more.mask & sys::statx_birth) != 0) {
            file.birth_seconds = more.birth_seconds;
            file.birth_nanoseconds = more.birth_nanoseconds;
        }
        return file;
    }

    friend bool operator==(const born_file& left, const born_file& right) noexcept {
        return left.identity == right.identity && left.birth_seconds == right.birth_seconds &&
               left.birth_nanoseconds == right.birth_nanoseconds;
    }
};

struct born_file_hash {
    std::size_t operator()(const born_file& file) const noexcept {
        return file_identity_hash()(file.identity);
    }
};

/// An open file that can be in a budget.
struct budget_handle {
    descriptor fd;
    struct stat status{};
    born_file born;
};

/// A file that went through a budget.
struct budget_file {
    std::string path;  ///< The name that it was last used by.
    page_spans kept;   ///< What was resident before its first use, and stays.
    page_spans read;   ///< What was used of it, where it cannot be measured.
    std::vector<byte_range> in_use;
    std::int64_t held_bytes = 0;  ///< When last measured, without `kept`.
    std::uint64_t age = 0;        ///< Its key in the order of eviction while it holds something.
};

/// The files that went through a budget in this process. Thread-safe. The system calls are made
/// under the lock: otherwise a file could come into use between being chosen and being evicted.
class budget_files {
public:
    /// `keep` must outlive it; nullptr: what is resident before the first use of a file is kept.
    budget_files(std::int64_t most_bytes, const spared_pages* keep)
        : most_bytes_(most_bytes), keep_(keep) {}

    /// One use of a file.
    struct use {
        budget_handle handle;
        byte_range range;
        std::pair<const born_file, budget_file>* file = nullptr;  ///< nullptr: not counted.
    };

    /// Marks a range of a file as in use. Returns 0 or an errno.
    int enter(const std::string& path, const byte_range& range, use& entered) {
        if (!range.is_valid()) return EINVAL;
        entered.handle = open(path);
        const budget_handle& handle = entered.handle;
        if (!handle.fd) return handle.fd.error();
        if (!S_ISREG(handle.status.st_mode) || is_in_memory(handle)) return 0;
        entered.range = range;
        if (enter_known(path, entered)) return 0;

        // Measured before it is registered, and so before anybody reads it, and without the lock.
        if (keep_ != nullptr && keep_->is_unknown(path)) return EINVAL;
        page_spans kept = keep_ != nullptr ? keep_->of(path) : resident_now(handle);
        const std::scoped_lock lock(mutex_);
        const auto [file, is_new] = files_.try_emplace(handle.born);
        if (is_new) file->second.kept = std::move(kept);
        begin(path, *file, entered);
        return 0;
    }

    /// Ends a use, and evicts what is over the budget.
    void leave(use& entered) {
        if (entered.file == nullptr) return;
        const std::scoped_lock lock(mutex_);
        budget_file& file = entered.file->second;
        const auto same = [&](const byte_range& each) {
            return each.offset == entered.range.offset && each.length == entered.range.length;
        };
        file.in_use.erase(std::find_if(file.in_use.begin(), file.in_use.end(), same));
        set_held(*entered.file, held_after(entered));
        make_room();
        forget_if_done(entered.handle.born);
    }

    /// From now on, nothing stays that is not in use.
    void close() {
        const std::scoped_lock lock(mutex_);
        most_bytes_ = 0;
        make_room();
    }

    std::int64_t used_bytes() const {
        const std::scoped_lock lock(mutex_);
        return used_bytes_;
    }

    std::int64_t dropped_bytes() const {
        const std::scoped_lock lock(mutex_);
        return dropped_bytes_;
    }

private:
    using entry = std::pair<const born_file, budget_file>;

    static constexpr byte_range whole_file{};

    /// Its `fd` has the errno where that fails.
    budget_handle open(const std::string& path) noexcept {
        budget_handle file;
        file.fd = path.find('\0') == std::string::npos ? descriptor::open(path.c_str())
                                                       : descriptor::own(-EINVAL);
        if (!file.fd) return file;
        if (const int error = read_status(file.fd.get(), file.status)) {
            file.fd = descriptor::own(error);
            return file;
        }
        if (always_maps_ ||
            file_systems_.of(file.fd.get(), file.status) != file_system_kind::ordinary)
            file.fd.keep_access_time();
        file.born = born_file::of(file.fd.get(), file.status);
        return file;
    }

    /// Where the page cache is the only copy, nothing can be evicted.
    bool is_in_memory(const budget_handle& handle) noexcept {
        const file_system_kind kind = file_systems_.of(handle.fd.get(), handle.status);
        return kind == file_system_kind::memory || kind == file_system_kind::huge_pages;
    }

    bool enter_known(const std::string& path, use& entered) {
        const std::scoped_lock lock(mutex_);
        const auto known = files_.find(entered.handle.born);
        if (known == files_.end()) return false;
        begin(path, *known, entered);
        return true;
    }

    static void begin(const std::string& path, entry& file, use& entered) {
        file.second.path = path;
        file.second.in_use.push_back(entered.range);
        entered.file = &file;
    }

    residency read(const budget_handle& handle, const byte_range& range) {
        return read_residency(handle.fd.get(), range, handle.status, file_systems_);
    }

    page_spans resident_now(const budget_handle& handle) {
        const residency now = read(handle, whole_file);
        auto spans = read_spans(handle.fd.get(), whole_file, handle.status, now, file_systems_);
        return spans ? pages_of(std::move(*spans)) : page_spans();
    }

    /// What the file holds without what is kept; nullopt: it cannot be measured.
    std::optional<std::int64_t> measure(const budget_handle& handle, const budget_file& file) {
        std::int64_t bytes = 0;
        for (const byte_range& each : parts_outside(file.kept, whole_file, handle.status.st_size)) {
            const residency now = read(handle, each);
            if (!now.known()) return std::nullopt;
            bytes += now.resident_bytes;
        }
        return bytes;
    }

    /// What the file can hold without what is kept.
    static std::int64_t most_held(const budget_handle& handle, const budget_file& file) {
        const page_spans whole = pages_of({{0, handle.status.st_size}});
        return bytes_of(without(whole, file.kept));
    }

    /// What the file holds after a use. Where it cannot be measured, all that was used counts.
    std::int64_t held_after(use& entered) {
        budget_file& file = entered.file->second;
        // It may have grown or shrunk since it was opened.
        static_cast<void>(read_status(entered.handle.fd.get(), entered.handle.status));
        // cachestat(2) counts folio by folio, 65 us for 8 MiB in folios of 4 KiB. A file that was
        // full cannot hold more now. If it holds less by now, `evict_open` finds that out.
        const std::int64_t most = most_held(entered.handle, file);
        if (file.held_bytes == most) return most;
        if (const auto measured = measure(entered.handle, file)) return *measured;
        file.read.push_back(span_of(entered.range, entered.handle.status.st_size));
        file.read = pages_of(std::move(file.read));
        return bytes_of(without(file.read, file.kept));
    }

    static resident_span span_of(const byte_range& range, std::int64_t size) noexcept {
        return {range.offset, std::max(range.end(size), range.offset)};
    }

    /// Counts what a file holds, at most as much as the sum over all files can take.
    void count_held(entry& file, std::int64_t bytes) {
        used_bytes_ -= file.second.held_bytes;
        const std::int64_t others = used_bytes_;
        add_bytes(used_bytes_, bytes);
        file.second.held_bytes = used_bytes_ - others;
        if (bytes == 0) by_age_.erase(file.second.age);
    }

    /// Counts what a file holds, and makes it the last in the order of eviction.
    void set_held(entry& file, std::int64_t bytes) {
        by_age_.erase(file.second.age);
        file.second.age = ++clock_;
        by_age_.emplace(clock_, &file);
        count_held(file, bytes);
    }

    /// Evicts the least recently used files until the budget holds, those in use last, of which
    /// only what is not in use goes. Each file is tried once: one that keeps its pages, because
    /// somebody has them mapped, becomes the last in the order.
    void make_room() {
        for (const bool in_use : {false, true}) {
            const std::uint64_t last = clock_;
            for (auto next = by_age_.begin();
                 used_bytes_ > most_bytes_ && next != by_age_.end() && next->first <= last;) {
                entry& file = *(next++)->second;
                if (in_use != file.second.in_use.empty()) evict(file);
            }
        }
    }

    void evict(entry& file) {
        const budget_handle handle = open(file.second.path);
        const int error = handle.fd.error();
        const bool is_gone = error == ENOENT || error == ENOTDIR || error == ESTALE;
        if (error != 0 && !is_gone) {
            set_held(file, file.second.held_bytes);
        } else if (is_gone || !(handle.born == file.first)) {
            file.second.read.clear();
            set_held(file, 0);
        } else {
            evict_open(handle, file);
        }
        forget_if_done(file.first);
    }

    void evict_open(const budget_handle& handle, entry& file) {
        const std::int64_t size = handle.status.st_size;
        page_spans used;
        for (const byte_range& each : file.second.in_use) used.push_back(span_of(each, size));
        used = pages_of(std::move(used));
        page_spans spared = file.second.kept;
        spared.insert(spared.end(), used.begin(), used.end());

        if (const auto now = measure(handle, file.second)) count_held(file, *now);
        if (used_bytes_ <= most_bytes_) return;  // the kernel has evicted some by itself
        const std::int64_t before = file.second.held_bytes;
        for (const byte_range& each : parts_outside(pages_of(std::move(spared)), whole_file, size))
            advise_evict(handle.fd.get(), each);
        const auto after = measure(handle, file.second);
        if (!after) file.second.read = used;
        const std::int64_t held = after ? *after : bytes_of(without(used, file.second.kept));
        add_bytes(dropped_bytes_, std::max<std::int64_t>(before - held, 0));
        set_held(file, held);
    }

    /// Removes a file that holds nothing, and of which nothing need be remembered.
    void forget_if_done(const born_file& born) {
        const auto file = files_.find(born);
        if (file != files_.end() && file->second.held_bytes == 0 && file->second.in_use.empty() &&
            file->second.kept.empty())
            files_.erase(file);
    }

    mutable std::mutex mutex_;
    std::int64_t most_bytes_;
    const spared_pages* const keep_;
    const bool always_maps_ = !has_cachestat();  ///< Every file is measured with mincore(2).
    file_system_lookup file_systems_;
    std::unordered_map<born_file, budget_file, born_file_hash> files_;
    std::map<std::uint64_t, entry*> by_age_;  ///< Those that hold something.
    std::uint64_t clock_ = 0;
    std::int64_t used_bytes_ = 0;
    std::int64_t dropped_bytes_ = 0;
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
