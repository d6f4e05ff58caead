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
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "accv_cache/detail/eviction.hpp"
#include "accv_cache/detail/expansion.hpp"
#include "accv_cache/detail/file/advice.hpp"
#include "accv_cache/detail/file/byte_range.hpp"
#include "accv_cache/detail/file/file_status.hpp"
#include "accv_cache/detail/file/file_system.hpp"
#include "accv_cache/detail/file/read_residency.hpp"
#include "accv_cache/detail/file/writeback.hpp"
#include "accv_cache/detail/kept_reasons.hpp"
#include "accv_cache/detail/list/target_list.hpp"
#include "accv_cache/detail/run/batch.hpp"
#include "accv_cache/detail/spared_pages.hpp"
#include "accv_cache/detail/verb.hpp"
#include "accv_cache/drop_report.hpp"
#include "accv_cache/file_identity.hpp"
#include "accv_cache/options.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// The files whose writeback failed before the call. The kernel tells that once, to the first who
/// asks, and another name of the list may be the same file.
class failed_files {
public:
    /// Returns 0 or the errno of the writeback.
    int error_of(const open_file& file) {
        const std::scoped_lock lock(mutex_);
        if (const int error = -failed_writeback(file.fd, file.status))
            return errors_[file_identity::of(file.status)] = error;
        if (errors_.empty()) return 0;
        const auto known = errors_.find(file_identity::of(file.status));
        return known == errors_.end() ? 0 : known->second;
    }

private:
    std::mutex mutex_;
    std::unordered_map<file_identity, int, file_identity_hash> errors_;
};

/// What the two passes share.
struct drop_work : file_work<drop_record> {
    const drop_options& asked;
    const spared_pages spared{asked.keep};
    failed_files failed;

    drop_work(target_list files, const drop_options& how)
        : file_work(std::move(files), how), asked(how) {}

    /// What is to be evicted of the file.
    std::vector<byte_range> ranges(std::size_t position, const open_file& file) const {
        return spared.rest_of(targets.paths().text(position), range, file.status.st_size);
    }

    /// Reads how much is resident of what is to be evicted, and calls `visit(range, residency)` for
    /// each part.
    template <class Visit>
    residency read_parts(std::size_t position, const open_file& file, Visit&& visit) {
        residency sum;
        sum.source = residency_source::CACHESTAT;
        for (const byte_range& each : ranges(position, file)) {
            const residency told = read_residency(file.fd, each, file.status, file_systems, go_on);
            if (!told.known()) return told;
            sum.resident_bytes += told.resident_bytes;
            visit(each, told);
        }
        return sum;
    }

    /// Measures the file before it is touched. A second try keeps what the first one found.
    void begin(std::size_t position, const open_file& file) {
        drop_record& record = records[position];
        record.identity = file_identity::of(file.status);
        record.size_bytes = has_size(file.status) ? file.status.st_size : 0;
        if (record.before_bytes) return;
        const auto before = read_parts(position, file, [](const byte_range&, const residency&) {});
        record.unknown = before.unknown;
        if (before.known()) record.before_bytes = record.after_bytes = before.resident_bytes;
    }

    /// Measures what stayed of it, and why.
    void measure(std::size_t position, const open_file& file) {
        drop_record& record = records[position];
        if (!record.after_bytes) return;
        kept_bytes kept;
        const auto count = [&](const byte_range& part, const residency& told) {
            kept += reasons_for(file.fd, part, file.status, told, file_systems);
        };
        const residency after = read_parts(position, file, count);
        if (!after.known()) {
            record.unknown = after.unknown;
            record.before_bytes = record.after_bytes = std::nullopt;
            record.kept = {};
            return;
        }
        counters.bytes += std::max<std::int64_t>(*record.after_bytes - after.resident_bytes, 0);
        record.after_bytes = after.resident_bytes;
        record.kept = kept;
    }

    /// Ends a file whose data could not be written back: its pages may be the only copy, so they
    /// stay.
    verdict keep(std::size_t position, const open_file& file, int error) {
        begin(position, file);
        measure(position, file);
        return fail(position, failed_step::WRITE_BACK, error);
    }

    verdict fail(std::size_t position, failed_step step, int error) noexcept {
        drop_record& record = records[position];
        record.failed = step;
        record.error = error;
        record.status = status_of(step);
        ++counters.done_files;
        return static_cast<verdict>(*record.status);
    }

    /// Evicts what of the file may go, of which at most `after_bytes` are resident.
    verdict evict_and_measure(std::size_t position, const open_file& file, bool alone) {
        const std::int64_t size = file.status.st_size;
        const std::int64_t resident = records[position].after_bytes.value_or(size);
        verdict said = proceed;
        for (const byte_range& each : ranges(position, file)) {
            said = evict(file.fd, each, resident, size, alone, asked.workers, tick);
            if (said == interrupted) return said;
            if (said != proceed) break;
        }
        measure(position, file);
        return said == proceed ? said : fail(position, failed_step::ADVISE, said);
    }

    /// Whether only waiting, or a second try, can evict what stayed.
    bool may_evict_more(const drop_record& record) const noexcept {
        return asked.sync && record.kept.memory_filesystem == 0 && record.size_bytes > 0 &&
               record.after_bytes.value_or(1) != 0;
    }

    /// With fail_fast all is done in the first pass.
    bool needs_second_pass(const drop_record& record) const noexcept {
        return !asked.fail_fast && record.status == DropCacheStatus::SUCCESS &&
               may_evict_more(record);
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

    verdict prepare(std::size_t position, item& entry, bool alone) {
        if (!work_.range.is_valid()) return work_.fail(position, failed_step::ADVISE, EINVAL);
        open_file& file = entry.file;
        const verdict said = work_.open(position, file, alone);
        if (said != proceed) return said;
        if (file.error != 0) return work_.fail(position, file.failed, file.error);
        entry.alone = alone;
        if (const int refused = work_.refusal(file))
            return work_.fail(position, failed_step::ADVISE, refused);
        const mode_t mode = file.status.st_mode;
        if (!may_have_pages(mode) || (file.own && S_ISDIR(mode))) return proceed;
        if (work_.spared.is_unknown(work_.targets.paths().text(position)))
            return work_.fail(position, failed_step::MEASURE, EINVAL);
        if (const int error = work_.failed.error_of(file)) return work_.keep(position, file, error);
        return work_.asked.fail_fast ? settle_what_may_fail(position, entry) : proceed;
    }

    verdict finish(std::size_t position, item& entry) {
        const open_file& file = entry.file;
        if (work_.set_aside(position, file)) return proceed;
        drop_record& record = work_.records[position];
        if (may_have_pages(file.status.st_mode)) {
            work_.begin(position, file);
            if (work_.tick.stopped()) return interrupted;
            verdict said = work_.evict_and_measure(position, file, entry.alone);
            if (said == proceed && work_.asked.fail_fast && work_.may_evict_more(record))
                said = work_.evict_and_measure(position, file, entry.alone);
            if (said != proceed) return said;
        } else {
            record.before_bytes = record.after_bytes = 0;
        }
        record.status = DropCacheStatus::SUCCESS;
        if (!work_.needs_second_pass(record)) ++work_.counters.done_files;
        return proceed;
    }

private:
    /// With fail_fast, no file behind this one is evicted before all that can go wrong with this
    /// one has not: so its writeback is waited for now.
    verdict settle_what_may_fail(std::size_t position, const item& entry) {
        const open_file& file = entry.file;
        if (const int refused = -rehearse_advice(file.fd))
            return work_.fail(position, failed_step::ADVISE, refused);
        const file_system_kind kind = work_.file_systems.of(file.fd, file.status);
        const verdict settled = may_refuse_advice(kind) ? proceed_in_turn : proceed;
        if (!work_.asked.sync) return settled;
        for (const auto wait : write_back_tries) {
            const residency now = work_.read(file.fd, file.status);
            if (now.known() && !may_be_dirty(now)) break;
            const int error = -wait(file.fd, work_.range);
            if (work_.retries.with(error, position)) return interrupted;
            if (error != 0) return work_.keep(position, file, error);
        }
        return settled;
    }

    /// mincore(2) does not tell clean pages from dirty ones.
    static bool may_be_dirty(const residency& now) noexcept {
        return now.resident_bytes != 0 &&
               now.dirty_bytes.value_or(1) + now.writeback_bytes.value_or(1) != 0;
    }

    drop_work& work_;
};

/// Waits for the writeback of the files that kept pages, and advises them once more.
class second_pass {
public:
    using item = first_pass::item;

    explicit second_pass(drop_work& work) noexcept : work_(work) {}

    verdict prepare(std::size_t position, item& entry, bool alone) {
        open_file& file = entry.file;
        const verdict said = work_.open(position, file, alone);
        if (said != proceed) return said;
        // Another file has the name now, or none: what the first pass measured stands.
        if (file.error == 0 && file_identity::of(file.status) != work_.records[position].identity)
            file.error = ENOENT;
        entry.alone = alone;
        const bool is_gone = file.error == ENOENT || file.error == ESTALE;
        return file.error == 0 || is_gone ? proceed : work_.fail(position, file.failed, file.error);
    }

    verdict finish(std::size_t position, item& entry) {
        const open_file& file = entry.file;
        const kept_bytes& kept = work_.records[position].kept;
        if (file.error == 0) {
            for (const auto wait : write_back_tries) {
                const int error = -wait(file.fd, work_.range);
                if (work_.retries.with(error, position)) return interrupted;
                if (error != 0) return work_.keep(position, file, error);
                const verdict said = work_.evict_and_measure(position, file, entry.alone);
                if (said != proceed) return said;
                if (kept.dirty + kept.writeback == 0) break;
            }
        }
        ++work_.counters.done_files;
        return proceed;
    }

private:
    drop_work& work_;
};

/// The files that need the second pass, each once, however often the list names them.
class second_visits {
public:
    explicit second_visits(drop_work& work) : work_(work) {
        // Another name of a file may have met the error of its writeback, which is told only once.
        for (std::size_t i = 0; i != work.records.size(); ++i)
            if (work.records[i].failed == failed_step::WRITE_BACK)
                visited_.try_emplace(work.records[i].identity, i);
        for (std::size_t i = 0; i != work.records.size(); ++i)
            if (work.needs_second_pass(work.records[i]) &&
                visited_.try_emplace(work.records[i].identity, i).second)
                positions_.push_back(i);
    }

    const std::vector<std::size_t>& positions() const noexcept { return positions_; }

    /// What was evicted counts for the name that comes first in the list.
    void settle_repeated() {
        if (visited_.empty()) return;
        std::unordered_set<std::size_t> told;
        for (drop_record& record : work_.records) {
            const auto found = visited_.find(record.identity);
            if (found == visited_.end()) continue;
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
inline drop_report drop_files(target_list files, const drop_options& asked) {
    drop_work work(std::move(files), asked);
    first_pass first(work);
    second_pass second(work);
    batch_options how{asked.workers, asked.fail_fast};
    work.tell_start();

    if (asked.fail_fast) {  // which has to meet every file in its place
        directory_check check(work.targets, work.is_directory);
        run_batch(check, work.targets.size(), how, work.tick);
        work.expand_directories();
    }
    const batch_result result = run_batch(first, work.targets.size(), how, work.tick);
    if (asked.fail_fast && result.failed_position != no_position)
        work.end_at(result.failed_position);
    how.fail_fast = false;
    const std::vector<std::size_t> found = work.expand_directories();
    subset<first_pass> below(first, found);
    run_batch(below, found.size(), how, work.tick);

    second_visits visits(work);
    subset<second_pass> again(second, visits.positions());
    run_batch(again, visits.positions().size(), how, work.tick);
    if (!work.tick.stopped()) {
        visits.settle_repeated();
        find_mapped(work.records, work.targets.paths(), work.range);
    }
    work.tell_end();
    return {work.targets.take_paths(), std::move(work.records), std::move(work.skipped),
            work.tick.stopped()};
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
