// SPDX-License-Identifier: Apache-2.0
// `cache_budget`, which bounds what the files that a program reads hold of the page cache.
#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "accv_cache/cache_report.hpp"
#include "accv_cache/version.hpp"

#if defined(__linux__)
#include <sys/types.h>

#include "accv_cache/detail/budget_files.hpp"
#include "accv_cache/detail/run/memory.hpp"
#include "accv_cache/detail/run/per_process.hpp"
#include "accv_cache/detail/spared_pages.hpp"
#include "accv_cache/detail/system_calls.hpp"
#endif

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {

/// Bounds what the files that go through it hold together.
///
///     accv_cache::cache_budget budget(std::int64_t{8} << 30);
///     for (const std::string& clip : clips) {
///         const auto use = budget.use(clip);
///         decode(clip);
///     }
///
/// When a use ends and the files hold more than the budget, the least recently used are evicted. It
/// evicts no page that is in use in this process, and none that was resident before the first use
/// of its file. Of a file that is in use, it evicts what is outside the ranges in use, if nothing
/// else is left to evict.
///
/// A file is found by what it is, not by its name: hard links are one. Where it cannot be measured,
/// because it belongs to somebody else, the sizes of what was used count. Files whose only copy is
/// the page cache (tmpfs) do not count. A file that was renamed after its last use stays.
///
/// Thread-safe, without a thread of its own. A forked child has the same budget, and starts without
/// files. The end of a budget evicts nothing; see `close`. On other systems it does nothing.
class cache_budget {
public:
    class usage;

    /// `max_bytes`: what the files may hold, in bytes; 0 or less: nothing that is not in use.
    /// `workers`: so many processes share it, each in equal parts; 0: one.
    /// `keep`: what was resident when this report was made, with `query_options::spans`, stays,
    /// instead of what is resident before the first use, which may come from a prefetch or from
    /// another worker. A file is looked for by its path, as for `drop_options::keep`. The report
    /// must outlive the budget.
    explicit cache_budget(std::int64_t max_bytes, std::size_t workers = 1,
                          const cache_report* keep = nullptr);
    cache_budget(const cache_budget&) = delete;
    cache_budget& operator=(const cache_budget&) = delete;
    ~cache_budget() = default;

    /// Marks the range of a file as in use until the result is destroyed, which must be before the
    /// budget is. The whole file is measured and evicted, with what the kernel read ahead.
    /// `length`: nullopt: to the end. Throws std::bad_alloc; other errors are `usage::error`.
    [[nodiscard]] usage use(const std::string& path, std::int64_t offset = 0,
                            std::optional<std::int64_t> length = std::nullopt);

    /// What the files hold, in bytes, each as of its last use or eviction in this process. One that
    /// was wholly resident counts as that until the budget evicts it, whatever the kernel does.
    std::int64_t used_bytes() const;

    /// What was evicted in this process, in bytes.
    std::int64_t dropped_bytes() const;

    /// Evicts all that the files hold and that is not in use; what is in use is evicted when that
    /// use ends. Files are not taken any more (EBADF).
    void close();

private:
#if defined(__linux__)
    detail::budget_files& files() const {
        return files_.get(
            [this] { return detail::budget_files(share_bytes_, spared_ ? &*spared_ : nullptr); });
    }

    const std::int64_t share_bytes_;
    std::optional<detail::spared_pages> spared_;
    std::atomic<bool> is_closed_{false};
    mutable detail::per_process<detail::budget_files> files_;
#endif
};

/// A file in use.
class [[nodiscard]] cache_budget::usage {
public:
    /// Takes the use over; `other` marks nothing afterwards.
    usage(usage&& other) noexcept { swap(other); }
    /// Ends this use, and takes the other over.
    usage& operator=(usage&& other) noexcept {
        usage(std::move(other)).swap(*this);
        return *this;
    }
    usage(const usage&) = delete;
    usage& operator=(const usage&) = delete;
    /// The same as `leave`.
    ~usage() { leave(); }

    /// Why the file is not in use: the errno of opening it, EINTR included; EINVAL for a range that
    /// is none, or for a file without spans in the report `keep`; EBADF if the budget is closed. 0:
    /// none. ENOSYS on other systems.
    int error() const noexcept { return error_; }

    /// Ends the use before the end of the block. Again: nothing. In a child that was forked
    /// meanwhile it ends nothing.
    void leave() noexcept;

private:
    friend class cache_budget;

    usage() = default;

    void swap(usage& other) noexcept {
        std::swap(error_, other.error_);
#if defined(__linux__)
        std::swap(files_, other.files_);
        std::swap(process_, other.process_);
        std::swap(use_, other.use_);
#endif
    }

    int error_ = 0;
#if defined(__linux__)
    detail::budget_files* files_ = nullptr;
    pid_t process_ = 0;
    detail::budget_files::use use_;
#endif
};

#if defined(__linux__)

inline cache_budget::cache_budget(std::int64_t max_bytes, std::size_t workers,
                                  const cache_report* keep)
    : share_bytes_(std::max<std::int64_t>(max_bytes, 0) /
                   static_cast<std::int64_t>(std::max<std::size_t>(workers, 1))) {
    if (keep != nullptr) spared_.emplace(keep);
}

inline cache_budget::usage cache_budget::use(const std::string& path, std::int64_t offset,
                                             std::optional<std::int64_t> length) {
    usage entered;
    if (is_closed_) {
        entered.error_ = EBADF;
        return entered;
    }
    detail::budget_files& all = files();
    entered.error_ = all.enter(path, {offset, length == 0 ? -1 : length.value_or(0)}, entered.use_);
    if (entered.error_ == 0) {
        entered.files_ = &all;
        entered.process_ = detail::sys::getpid();
    }
    return entered;
}

inline std::int64_t cache_budget::used_bytes() const { return files().used_bytes(); }

inline std::int64_t cache_budget::dropped_bytes() const { return files().dropped_bytes(); }

inline void cache_budget::close() {
    is_closed_ = true;
    files().close();
}

inline void cache_budget::usage::leave() noexcept {
    detail::budget_files* const files = std::exchange(files_, nullptr);
    if (files != nullptr && process_ == detail::sys::getpid())
        // What cannot be counted for lack of memory is not evicted.
        static_cast<void>(detail::has_memory_for([&] { files->leave(use_); }));
    use_ = {};
}

#else

inline cache_budget::cache_budget(std::int64_t, std::size_t, const cache_report*) {}

inline cache_budget::usage cache_budget::use(const std::string&, std::int64_t,
                                             std::optional<std::int64_t>) {
    usage refused;
    refused.error_ = ENOSYS;
    return refused;
}

inline std::int64_t cache_budget::used_bytes() const { return 0; }

inline std::int64_t cache_budget::dropped_bytes() const { return 0; }

inline void cache_budget::close() {}

inline void cache_budget::usage::leave() noexcept {}

#endif

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
