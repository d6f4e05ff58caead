// SPDX-License-Identifier: Apache-2.0
// The base of the reports of `drop`, `query` and `prefetch`.
#pragma once

#include <cerrno>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "accv_cache/detail/list/path_list.hpp"
#include "accv_cache/residency.hpp"
#include "accv_cache/version.hpp"
#include "accv_cache/walk.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {

/// The step at which a file failed.
enum class failed_step : unsigned char {
    NONE,        ///< It did not fail.
    NAME,        ///< The path has a NUL byte inside.
    OPEN,        ///< open(2)
    STATUS,      ///< fstat(2)
    ADVISE,      ///< posix_fadvise(2)
    WRITE_BACK,  ///< sync_file_range(2) or fdatasync(2)
    MEASURE,     ///< cachestat(2) or mincore(2)
    READ,        ///< madvise(2) with MADV_POPULATE_READ, pread(2) or posix_fadvise(2)
};

/// The step in words, such as "cannot open"; of NONE, why no file fails at a step.
constexpr const char* to_string(failed_step step) noexcept {
    switch (step) {
        case failed_step::NONE:
            break;
        case failed_step::NAME:
            return "cannot be a path";
        case failed_step::OPEN:
            return "cannot open";
        case failed_step::STATUS:
            return "cannot ask for its status";
        case failed_step::ADVISE:
            return "cannot evict";
        case failed_step::WRITE_BACK:
            return "cannot write back";
        case failed_step::MEASURE:
            return "cannot measure";
        case failed_step::READ:
            return "cannot read";
    }
    return "only Linux can evict or measure";
}

/// What helps against an errno of a report, such as "raise the limit of open files (ulimit -n), or
/// close some"; empty if that says nothing new.
constexpr const char* remedy_of(int error) noexcept {
    switch (error) {
        case EACCES:
            return "ask for permission to read it";
        case EAGAIN:
            return "another process holds a lease on it: try again when that is released";
        case EBADF:
            return "pass a descriptor that is open, and not by O_PATH";
        case EMFILE:
            return "raise the limit of open files (ulimit -n), or close some";
        case ENFILE:
            return "the system can open no more files: close some";
        case ENXIO:
            return "a socket, or a device without a driver, has no pages: leave it out";
        case ESPIPE:
            return "a pipe has no pages: leave it out";
        default:
            return "";
    }
}

/// A file of a report.
template <class Record>
struct file_entry {
    std::string_view path;  ///< As in `file_report::path`.
    const Record& record;   ///< Its record.

    /// Why it failed, with the cause and what helps, or why its residency is unknown; empty if it
    /// is known. Throws std::bad_alloc.
    std::string message() const {
        if (record.error != 0) {
            std::string text = to_string(record.failed);
            text += ": " + std::generic_category().message(record.error);
            const std::string remedy = remedy_of(record.error);
            return remedy.empty() ? text : text + " (" + remedy + ")";
        }
        if (record.unknown != unknown_reason::NONE) return to_string(record.unknown);
        return is_untouched(record) ? "not touched: the call was stopped before" : "";
    }
};

/// One record per file, in the order of the list. Positions must be below `size()`, which is not
/// checked.
///
///     for (const auto& file : report)
///         if (file.record.error != 0) std::cerr << file.path << ": " << file.message() << '\n';
template <class Record>
class file_report {
public:
    /// The number of files.
    std::size_t size() const noexcept { return records_.size(); }
    /// Whether it has no file.
    bool empty() const noexcept { return records_.empty(); }
    /// A file's path; for a descriptor, the path that /proc shows. Valid while the report exists.
    std::string_view path(std::size_t position) const noexcept { return paths_.text(position); }
    /// The record of a file.
    const Record& operator[](std::size_t position) const noexcept { return records_[position]; }
    /// Goes over the files; its elements are made on the way.
    class iterator {
    public:
        /// @cond
        using iterator_category = std::input_iterator_tag;
        using value_type = file_entry<Record>;
        using difference_type = std::ptrdiff_t;
        using pointer = void;
        using reference = value_type;
        /// @endcond

        /// The file at a position of a report.
        iterator(const file_report& report, std::size_t position) noexcept
            : report_(&report), position_(position) {}
        /// The file.
        value_type operator*() const noexcept {
            return {report_->path(position_), (*report_)[position_]};
        }
        /// The next file.
        iterator& operator++() noexcept {
            ++position_;
            return *this;
        }
        /// The next file; the iterator as it was.
        iterator operator++(int) noexcept { return {*report_, position_++}; }
        /// Whether both are at the same position.
        friend bool operator==(const iterator& left, const iterator& right) noexcept {
            return left.position_ == right.position_;
        }
        /// Whether they are at different positions.
        friend bool operator!=(const iterator& left, const iterator& right) noexcept {
            return left.position_ != right.position_;
        }

    private:
        const file_report* report_;
        std::size_t position_;
    };

    /// The first file.
    iterator begin() const noexcept { return {*this, 0}; }
    /// Behind the last file.
    iterator end() const noexcept { return {*this, size()}; }

    /// The records of all files, in order.
    const std::vector<Record>& records() const noexcept { return records_; }

    /// What was found in directories and skipped.
    const std::vector<skipped_path>& skipped() const noexcept { return skipped_; }

    /// Whether the progress function ended the call early; later files were not touched.
    bool stopped() const noexcept { return stopped_; }

protected:
    file_report() = default;
    /// The list may be longer than the records: with fail_fast it ends at the first failure.
    file_report(detail::path_list paths, std::vector<Record> records,
                std::vector<skipped_path> skipped, bool stopped)
        : paths_(std::move(paths)),
          records_(std::move(records)),
          skipped_(std::move(skipped)),
          stopped_(stopped) {
        paths_.truncate(records_.size());
    }

    /// Appends the files of another report, or its own. Throws std::bad_alloc; some files may then
    /// have been appended.
    void append(const file_report& other) {
        std::optional<file_report> copy;  // of this report, which grows
        const file_report& from = &other == this ? copy.emplace(other) : other;
        detail::make_room(records_, from.size());
        for (std::size_t i = 0; i != from.size(); ++i) {
            paths_.append(from.path(i));
            records_.push_back(from.records_[i]);
        }
        skipped_.insert(skipped_.end(), from.skipped_.begin(), from.skipped_.end());
        stopped_ = stopped_ || from.stopped_;
    }

private:
    detail::path_list paths_;
    std::vector<Record> records_;
    std::vector<skipped_path> skipped_;
    bool stopped_ = false;
};

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
