// SPDX-License-Identifier: Apache-2.0
// What `drop` does with a list of files, in two passes.
//
// The first advises every file, which evicts what is clean and starts writeback for what is not,
// of all files at once. The second visits only the files that kept pages, waits for their
// writeback, and advises them once more.
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "accv_cache/detail/eviction.hpp"
#include "accv_cache/detail/expansion.hpp"
#include "accv_cache/detail/file/advice.hpp"
#include "accv_cache/detail/file/byte_range.hpp"
#include "accv_cache/detail/file/file_identity.hpp"
#include "accv_cache/detail/file/file_system.hpp"
#include "accv_cache/detail/file/read_residency.hpp"
#include "accv_cache/detail/file/writeback.hpp"
#include "accv_cache/detail/kept_reasons.hpp"
#include "accv_cache/detail/list/targets.hpp"
#include "accv_cache/detail/run/batch.hpp"
#include "accv_cache/detail/verb.hpp"
#include "accv_cache/drop_report.hpp"
#include "accv_cache/options.hpp"

namespace accv_cache::detail {

/// What the two passes share.
struct drop_work : file_work<drop_record> {
    const drop_options& asked;
    std::vector<file_identity> identities;

    drop_work(target_list files, const drop_options& how)
        : file_work(std::move(files), how), asked(how), identities(targets.size()) {}

    residency read(int fd, const struct stat& status) noexcept {
        return read_residency(fd, range, status, file_systems);
    }

    verdict fail(std::size_t position, failed_step step, int error) noexcept {
        drop_record& record = records[position];
        record.failed = step;
        record.error = error;
        record.status = step == failed_step::OPEN ? DropCacheStatus::FILE_OPEN_FAILED
                        : step == failed_step::STATUS || step == failed_step::ADVISE
                            ? DropCacheStatus::FADVISE_FAILED
                            : DropCacheStatus::UNKNOWN_ERROR;
        ++counters.done_files;
        return static_cast<verdict>(*record.status);
    }

    /// Whether only waiting, or a second try, can evict the rest.
    bool needs_second_pass(std::size_t position) const noexcept {
        const drop_record& record = records[position];
        return asked.sync && record.status == DropCacheStatus::SUCCESS &&
               record.kept.memory_filesystem == 0 && record.size_bytes > 0 &&
               record.after_bytes.value_or(1) != 0;
    }
};

/// Advises each file, and measures what that changed.
class first_pass {
public:
    struct item {
        open_file file;
        bool alone = false;
    };

    explicit first_pass(drop_work& work) noexcept : work_(work) {}

    verdict prepare(std::size_t position, item& entry, bool alone) noexcept {
        if (!work_.range.is_valid()) return work_.fail(position, failed_step::ADVISE, EINVAL);
        open_file& file = entry.file;
        const verdict said = work_.open(position, file, alone);
        if (said != proceed) return said;
        if (file.error != 0) return work_.fail(position, file.failed, file.error);
        // A lent descriptor keeps its read-ahead setting, so only its kind is looked at.
        const bool rehearse = work_.asked.fail_fast && !alone && file.own;
        const int refused = rehearse                        ? -rehearse_advice(file.fd)
                            : S_ISFIFO(file.status.st_mode) ? ESPIPE
                                                            : 0;
        if (refused != 0) return work_.fail(position, failed_step::ADVISE, refused);
        entry.alone = alone;
        return proceed;
    }

    verdict finish(std::size_t position, item& entry) {
        const struct stat& status = entry.file.status;
        const int fd = entry.file.fd;
        const byte_range& range = work_.range;
        if (work_.set_aside(position, entry.file)) return proceed;
        const residency before = work_.read(fd, status);
        const verdict said =
            evict(fd, range, before.known() ? before.resident_bytes : status.st_size,
                  status.st_size, entry.alone, work_.asked.workers, work_.tick);
        if (said == interrupted) return said;
        if (said != proceed) return work_.fail(position, failed_step::ADVISE, said);

        const residency after = work_.read(fd, status);
        drop_record& record = work_.records[position];
        record.status = DropCacheStatus::SUCCESS;
        record.size_bytes = S_ISREG(status.st_mode) ? status.st_size : 0;
        if (before.known() && after.known()) {
            record.before_bytes = before.resident_bytes;
            record.after_bytes = after.resident_bytes;
            record.kept = reasons_for(fd, range, status, after, work_.file_systems);
            work_.counters.bytes +=
                std::max<std::int64_t>(before.resident_bytes - after.resident_bytes, 0);
        } else {
            record.unknown = before.known() ? after.unknown : before.unknown;
        }
        work_.identities[position] = file_identity::of(status);
        if (!work_.needs_second_pass(position)) ++work_.counters.done_files;
        return proceed;
    }

private:
    drop_work& work_;
};

/// Waits for the writeback of the files that kept pages, and advises them once more.
class second_pass {
public:
    using item = first_pass::item;

    explicit second_pass(drop_work& work) noexcept : work_(work) {}

    verdict prepare(std::size_t position, item& entry, bool alone) noexcept {
        open_file& file = entry.file;
        const verdict said = work_.open(position, file, alone);
        if (said != proceed) return said;
        // Another file has the name now, or none: what the first pass measured stands.
        if (file.error == 0 && !(file_identity::of(file.status) == work_.identities[position]))
            file.error = ENOENT;
        entry.alone = alone;
        return proceed;
    }

    verdict finish(std::size_t position, item& entry) {
        if (entry.file.error == 0) {
            verdict said = write_back_and_evict(position, entry, write_back);
            const kept_bytes& kept = work_.records[position].kept;
            if (said == proceed && kept.dirty + kept.writeback != 0)
                said = write_back_and_evict(position, entry, write_all_back);
            if (said == interrupted) return said;
            if (said != proceed) return work_.fail(position, failed_step::WRITE_BACK, said);
        }
        ++work_.counters.done_files;
        return proceed;
    }

private:
    static int write_all_back(int fd, const byte_range&) noexcept {
        return ::fdatasync(fd) == 0 ? 0 : -errno;
    }

    /// Returns a verdict: `proceed`, `interrupted`, or the errno that writing back ended with.
    verdict write_back_and_evict(std::size_t position, item& entry,
                                 int (*wait)(int, const byte_range&)) {
        const int fd = entry.file.fd;
        const struct stat& status = entry.file.status;
        const byte_range& range = work_.range;
        const int error = -wait(fd, range);
        drop_record& record = work_.records[position];
        const verdict said = evict(fd, range, record.after_bytes.value_or(status.st_size),
                                   status.st_size, entry.alone, work_.asked.workers, work_.tick);
        if (said != proceed) return said;
        const residency after = work_.read(fd, status);
        if (record.after_bytes && after.known()) {
            work_.counters.bytes +=
                std::max<std::int64_t>(*record.after_bytes - after.resident_bytes, 0);
            record.after_bytes = after.resident_bytes;
            record.kept = reasons_for(fd, range, status, after, work_.file_systems);
        }
        return error;
    }

    drop_work& work_;
};

/// The files that need the second pass, each once, however often the list names them.
class second_visits {
public:
    explicit second_visits(drop_work& work) : work_(work) {
        for (std::size_t i = 0; i != work.records.size(); ++i)
            if (work.needs_second_pass(i) && visited_.try_emplace(work.identities[i], i).second)
                positions_.push_back(i);
    }

    const std::vector<std::size_t>& positions() const noexcept { return positions_; }

    /// What left counts for the name that comes first in the list.
    void settle_repeated() {
        if (visited_.empty()) return;
        std::unordered_set<std::size_t> told;
        for (std::size_t i = 0; i != work_.records.size(); ++i) {
            const auto found = visited_.find(work_.identities[i]);
            if (found == visited_.end()) continue;
            drop_record& record = work_.records[i];
            const drop_record& last = work_.records[found->second];
            const bool is_first = told.insert(found->second).second;
            const auto before = is_first ? record.before_bytes : last.after_bytes;
            record = last;
            record.before_bytes = before;
        }
        work_.counters.done_files = work_.records.size();
    }

private:
    drop_work& work_;
    std::unordered_map<file_identity, std::size_t, file_identity_hash> visited_;
    std::vector<std::size_t> positions_;
};

/// `drop` over a list of targets.
inline drop_report drop_files(target_list targets, const drop_options& asked) {
    drop_work work(std::move(targets), asked);
    first_pass first(work);
    second_pass second(work);
    batch_options how{asked.workers, asked.fail_fast};
    work.tell_start();

    if (asked.fail_fast) {  // which has to meet every file in its place
        directory_check check(work.targets, work.is_directory);
        run_batch(check, work.targets.size(), how, work.tick);
        work.expand_directories(work.identities);
    }
    const batch_result result = run_batch(first, work.targets.size(), how, work.tick);
    if (asked.fail_fast && result.failed_position != no_position)
        work.end_at(result.failed_position);
    how.fail_fast = false;
    const std::vector<std::size_t> found = work.expand_directories(work.identities);
    subset<first_pass> below(first, found);
    run_batch(below, found.size(), how, work.tick);

    second_visits visits(work);
    subset<second_pass> again(second, visits.positions());
    run_batch(again, visits.positions().size(), how, work.tick);
    if (!work.tick.stopped()) {
        visits.settle_repeated();
        find_mapped(work.records, work.identities, work.range);
    }
    work.tell_end();
    return {work.targets.take_paths(), std::move(work.records), std::move(work.skipped),
            work.tick.stopped()};
}

}  // namespace accv_cache::detail
