// SPDX-License-Identifier: Apache-2.0
// The base of the reports of `drop`, `query` and `prefetch`.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "accv_cache/detail/list/path_list.hpp"
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

/// One record per file, in the order of the list. Positions must be below `size()`, which is not
/// checked.
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

    /// Appends the files of another report, or its own.
    void append(const file_report& other) {
        // Counted first and copied one by one, because `other` may be this report.
        const std::size_t files = other.records_.size();
        const std::size_t skipped = other.skipped_.size();
        for (std::size_t i = 0; i != files; ++i) {
            paths_.append(other.path(i));
            records_.push_back(other.records_[i]);
        }
        for (std::size_t i = 0; i != skipped; ++i) skipped_.push_back(other.skipped_[i]);
        stopped_ = stopped_ || other.stopped_;
    }

private:
    detail::path_list paths_;
    std::vector<Record> records_;
    std::vector<skipped_path> skipped_;
    bool stopped_ = false;
};

}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
