// SPDX-License-Identifier: Apache-2.0
// The steps that the verbs share for a list of files.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "accv_cache/options.hpp"
#include "accv_cache/targets.hpp"
#include "accv_cache/version.hpp"

#if defined(__linux__)
#include <pthread.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

#include "accv_cache/detail/expansion.hpp"
#include "accv_cache/detail/file/byte_range.hpp"
#include "accv_cache/detail/file/descriptor.hpp"
#include "accv_cache/detail/file/file_system.hpp"
#include "accv_cache/detail/file/file_type.hpp"
#include "accv_cache/detail/file/read_residency.hpp"
#include "accv_cache/detail/list/target_list.hpp"
#include "accv_cache/detail/run/batch.hpp"
#include "accv_cache/detail/run/patience.hpp"
#include "accv_cache/detail/run/tick.hpp"
#include "accv_cache/report.hpp"
#include "accv_cache/status.hpp"
#endif

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

#if defined(__linux__)

/// The range of the options. Their length of 0 is invalid, while in a `byte_range` it means 'to the
/// end'.
inline byte_range range_of(const file_options& options) noexcept {
    return {options.offset, options.length == 0 ? -1 : options.length.value_or(0)};
}

/// The status of a file that failed at a step.
inline DropCacheStatus status_of(failed_step step) noexcept {
    if (step == failed_step::OPEN) return DropCacheStatus::FILE_OPEN_FAILED;
    return step == failed_step::STATUS || step == failed_step::ADVISE
               ? DropCacheStatus::FADVISE_FAILED
               : DropCacheStatus::UNKNOWN_ERROR;
}

/// The progress of a verb. Workers count; the calling thread reads.
struct file_counters {
    std::atomic<std::size_t> total_files{0};
    std::atomic<std::size_t> done_files{0};
    std::atomic<std::int64_t> bytes{0};  ///< The same as `file_progress::bytes`.
};

/// Reports the progress to the caller's function.
struct progress_teller {
    const file_options& options;
    const file_counters& counters;

    bool operator()() const {
        return !options.progress ||
               options.progress({counters.done_files, counters.total_files, counters.bytes});
    }
};

/// One call of a verb: its files and their records. One thread at a time writes a position.
template <class Record>
struct file_work {
    target_list targets;
    std::vector<Record> records;
    std::vector<char> is_directory;  // not vector<bool>: threads write adjacent elements
    std::vector<skipped_path> skipped;
    const file_options& options;
    const byte_range range;
    file_system_lookup file_systems;
    file_counters counters;
    progress_teller tell{options, counters};
    ticker tick{tell};
    patience retries;
    bool always_maps = !has_cachestat();  ///< Every file is measured with mincore(2).
    /// For long walks over the pages of one file: only the calling thread may tick.
    const keep_going go_on = [this] { return is_caller() ? tick() : !tick.stopped(); };

    /// `asked` must outlive the work.
    file_work(target_list files, const file_options& asked)
        : targets(std::move(files)),
          records(targets.size()),
          is_directory(targets.size(), 0),
          options(asked),
          range(range_of(asked)) {
        counters.total_files = targets.size();
    }

    /// Opens the file at `position`, or takes the descriptor that was lent, and reads its status.
    /// `file.error` is the errno where that fails.
    verdict open(std::size_t position, open_file& file, bool alone) noexcept {
        file = targets.open(position);
        if (file.own && may_map(file)) file.own.keep_access_time();
        if (retries.with(file.error, position)) return interrupted;
        if (!alone && is_out_of_descriptors(file.error)) return out_of_descriptors;
        return proceed;
    }

    /// The errno of what can be neither advised nor read: a FIFO, or a descriptor that only names a
    /// file. 0: none.
    int refusal(const open_file& file) const noexcept {
        if (S_ISFIFO(file.status.st_mode)) return ESPIPE;
        const bool is_asked = !file.own && may_have_pages(file.status.st_mode);
        return is_asked && only_names(file.fd) ? EBADF : 0;
    }

    /// Reads the residency of the range in an open file. Unknown without a reason: the call was
    /// stopped.
    residency read(int fd, const struct stat& status) {
        return read_residency(fd, range, status, file_systems, go_on);
    }

    /// After EINTR, lets the caller handle its signals. Returns false if they end the call.
    bool goes_on_after_signals() { return is_caller() ? tick.serve() : !tick.stopped(); }

    /// Whether the open file is a directory of the list, whose files come later. A lent descriptor
    /// of a directory is a file of its own.
    bool set_aside(std::size_t position, const open_file& file) noexcept {
        is_directory[position] = file.own && S_ISDIR(file.status.st_mode) ? 1 : 0;
        return is_directory[position] != 0;
    }

    /// Whether the file may be mapped to measure it.
    bool may_map(const open_file& file) noexcept {
        return always_maps || file_systems.of(file.fd, file.status) != file_system_kind::ordinary;
    }

    /// Removes the files after `position`, which were not touched.
    void end_at(std::size_t position) {
        targets.truncate(position + 1);
        records.resize(position + 1);
        is_directory.resize(position + 1);
    }

    /// Replaces the directories that were found so far by the files below them, and returns the
    /// positions of those. The elements of `records` and of the verb's own lists move to the new
    /// positions.
    template <class... Values>
    std::vector<std::size_t> expand_directories(std::vector<Values>&... known) {
        if (tick.stopped() || !has_directory(is_directory)) return {};
        expansion expanded = expand(targets, is_directory, options, tick);
        records = expanded.carry_over(std::move(records));
        ((known = expanded.carry_over(std::move(known))), ...);
        is_directory.assign(expanded.targets.size(), 0);
        targets = std::move(expanded.targets);
        skipped = std::move(expanded.skipped);
        counters.total_files = targets.size();
        return expanded.found();
    }

    /// The caller may stop the call before any file is touched.
    void tell_start() {
        if (targets.size() != 0) tick.serve();
    }

    /// The last progress reports all files as done.
    void tell_end() {
        if (!tick.stopped()) tick.serve();
    }

private:
    bool is_caller() const noexcept { return ::pthread_equal(caller_, ::pthread_self()) != 0; }

    const pthread_t caller_ = ::pthread_self();
};

#else

/// The report on other systems: every file gets the same record.
template <class Report, class Record>
Report refuse(targets files, const Record& refused) {
    std::vector<Record> records(files.size(), refused);
    return Report(files.take_paths(), std::move(records), {}, false);
}

#endif

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
