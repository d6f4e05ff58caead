// SPDX-License-Identifier: Apache-2.0
// What `prefetch` does with a list of files.
//
// The first pass measures what is missing of each file. If not all of that fits, the files share
// the room in the order of the list. The second pass visits only the files that something is
// missing of, and loads that.
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "accv_cache/cache_report.hpp"
#include "accv_cache/detail/add_bytes.hpp"
#include "accv_cache/detail/file/byte_range.hpp"
#include "accv_cache/detail/file/descriptor.hpp"
#include "accv_cache/detail/file/file_status.hpp"
#include "accv_cache/detail/file/file_system.hpp"
#include "accv_cache/detail/file/file_type.hpp"
#include "accv_cache/detail/file/read_ahead.hpp"
#include "accv_cache/detail/file/read_data.hpp"
#include "accv_cache/detail/file/read_residency.hpp"
#include "accv_cache/detail/file/read_spans.hpp"
#include "accv_cache/detail/file/span_arithmetic.hpp"
#include "accv_cache/detail/list/target_list.hpp"
#include "accv_cache/detail/load_guard.hpp"
#include "accv_cache/detail/room.hpp"
#include "accv_cache/detail/run/batch.hpp"
#include "accv_cache/detail/run/patience.hpp"
#include "accv_cache/detail/verb.hpp"
#include "accv_cache/file_identity.hpp"
#include "accv_cache/options.hpp"
#include "accv_cache/prefetch_report.hpp"
#include "accv_cache/residency.hpp"
#include "accv_cache/status.hpp"
#include "accv_cache/targets.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// What the passes share.
struct prefetch_work : file_work<prefetch_record> {
    const prefetch_options& asked;
    const bool restores;
    std::vector<resident_spans> spans;  ///< What to restore of each file.
    std::vector<std::int64_t> to_load;  ///< Of each file, in bytes.
    std::vector<std::int64_t> cached;   ///< Resident of each before, where it can be reclaimed.
    load_guard guard;

    prefetch_work(accv_cache::targets files, const prefetch_options& how,
                  std::optional<std::vector<resident_spans>> warm = {})
        : file_work(target_list(std::move(files)), how),
          asked(how),
          restores(warm.has_value()),
          spans(std::move(warm).value_or(std::vector<resident_spans>())),
          to_load(targets.size()),
          cached(targets.size()) {}

    verdict fail(std::size_t position, failed_step step, int error) noexcept {
        prefetch_record& record = records[position];
        record.failed = step;
        record.error = error;
        record.status = status_of(step);
        ++counters.done_files;
        return static_cast<verdict>(*record.status);
    }

    void succeed(std::size_t position) noexcept {
        records[position].status = DropCacheStatus::SUCCESS;
        ++counters.done_files;
    }

    /// The pages of the file that are to be resident. Holes are not, because nobody waits for them.
    /// Where they cannot be found, the file counts as data.
    page_spans wanted(std::size_t position, const open_file& file) {
        const std::int64_t size = file.status.st_size;
        const std::int64_t stop = range.end(size);
        const std::vector<resident_span> none;
        if (restores) return within(pages_of(spans[position].value_or(none)), range.offset, stop);
        if (may_have_holes(file.status)) {
            const descriptor other = file.own ? descriptor() : open_to_seek(file);
            const int fd = file.own ? file.fd : other.get();
            if (fd >= 0) return read_data(fd, range.offset, stop, go_on);
        }
        page_spans all;
        add_pages(all, range.offset, stop);
        return all;
    }

    /// The wanted pages that are not resident, where `now` is the residency of the range.
    page_spans missing(std::size_t position, const open_file& file, const residency& now) {
        if (is_complete(file, now)) return {};
        page_spans pages = wanted(position, file);
        if (!now.known() || now.resident_bytes == 0 || pages.empty()) return pages;
        const auto resident = read_spans(file.fd, range, file.status, now, file_systems, go_on);
        return resident ? without(pages, pages_of(*resident)) : pages;
    }

    /// How many bytes these are.
    std::int64_t count_missing(std::size_t position, const open_file& file, const residency& now) {
        const bool all_of_range = !restores && !may_have_holes(file.status);
        if (all_of_range && now.known())
            return most_resident(range, file.status.st_size) - now.resident_bytes;
        return bytes_of(missing(position, file, now));
    }

private:
    /// A descriptor that was lent shares its offset with the caller. On FUSE without keep_cache,
    /// opening a file evicts it.
    descriptor open_to_seek(const open_file& file) {
        const bool may_evict = file_systems.of(file.fd, file.status) == file_system_kind::fuse;
        return may_evict ? descriptor() : open_again(file.fd);
    }

    bool is_complete(const open_file& file, const residency& now) const noexcept {
        return now.known() && now.resident_bytes == most_resident(range, file.status.st_size);
    }
};

/// Measures each file, and what is missing of it.
class measuring_pass {
public:
    using item = open_file;

    explicit measuring_pass(prefetch_work& work) noexcept : work_(work) {}

    verdict prepare(std::size_t position, item& file, bool alone) {
        if (!work_.range.is_valid() || work_.asked.max_bytes.value_or(1) < 1)
            return work_.fail(position, failed_step::READ, EINVAL);
        const verdict said = work_.open(position, file, alone);
        if (said != proceed) return said;
        if (file.error != 0) return work_.fail(position, file.failed, file.error);
        if (work_.restores && S_ISDIR(file.status.st_mode))
            return work_.fail(position, failed_step::OPEN, EISDIR);
        if (const int refused = work_.refusal(file))
            return work_.fail(position, failed_step::READ, refused);
        if (work_.restores && !work_.spans[position])
            return work_.fail(position, failed_step::MEASURE, EINVAL);
        return proceed;
    }

    verdict finish(std::size_t position, item& file) {
        if (work_.set_aside(position, file)) return proceed;
        prefetch_record& record = work_.records[position];
        record.identity = file_identity::of(file.status);
        record.size_bytes = has_size(file.status) ? file.status.st_size : 0;
        const residency now = work_.read(file.fd, file.status);
        record.unknown = now.unknown;
        if (now.known()) {
            record.before_bytes = record.after_bytes = now.resident_bytes;
            record.loaded_bytes = 0;
            if (!is_in_memory(file)) work_.cached[position] = now.resident_bytes;
        }
        if (can_be_loaded(file)) work_.to_load[position] = work_.count_missing(position, file, now);
        if (work_.tick.stopped()) return interrupted;
        if (work_.to_load[position] == 0) work_.succeed(position);
        return proceed;
    }

private:
    bool is_in_memory(const open_file& file) {
        return work_.file_systems.of(file.fd, file.status) == file_system_kind::memory;
    }

    /// Not of hugetlbfs, where it would reserve memory outside of the page cache.
    bool can_be_loaded(const open_file& file) {
        return has_size(file.status) &&
               work_.file_systems.of(file.fd, file.status) != file_system_kind::huge_pages;
    }

    prefetch_work& work_;
};

/// Loads what is missing of each file.
class loading_pass {
public:
    struct item {
        open_file file;
        bool alone = false;
    };

    explicit loading_pass(prefetch_work& work) noexcept : work_(work) {}

    verdict prepare(std::size_t position, item& entry, bool alone) {
        open_file& file = entry.file;
        entry.alone = alone;
        const verdict said = work_.open(position, file, alone);
        if (said != proceed) return said;
        if (file.error == 0 && file_identity::of(file.status) != work_.records[position].identity)
            file.error = ESTALE;
        if (file.error != 0)
            return give_up(position, file.error == ESTALE ? failed_step::OPEN : file.failed,
                           file.error);
        if (file.own) file.own.keep_access_time();
        shrink(position, file);
        return proceed;
    }

    verdict finish(std::size_t position, item& entry) {
        const open_file& file = entry.file;
        // A descriptor that was lent may not be open for reading, or for direct I/O only.
        const file_system_kind kind = work_.file_systems.of(file.fd, file.status);
        std::optional<mappable> reopened;
        if (!file.own) reopened.emplace(file.fd, kind);
        const int fd = reopened ? reopened->get() : file.fd;
        if (is_out_of_descriptors(-fd) && !entry.alone) return out_of_descriptors;
        if (fd < 0) return give_up(position, failed_step::READ, -fd);

        const int error = load(position, file, fd);
        if (work_.tick.stopped()) return interrupted;
        measure(position, entry.file, kind, error);
        if (error != 0) return work_.fail(position, failed_step::READ, error);
        work_.succeed(position);
        return proceed;
    }

private:
    /// Nothing of the file can be read.
    verdict give_up(std::size_t position, failed_step step, int error) noexcept {
        work_.records[position].missing.unreadable += std::exchange(work_.to_load[position], 0);
        return work_.fail(position, step, error);
    }

    /// A file that was truncated meanwhile lacks nothing. One that grew counts as it was.
    void shrink(std::size_t position, open_file& file) {
        std::int64_t& size = work_.records[position].size_bytes;
        size = file.status.st_size = std::min<std::int64_t>(size, file.status.st_size);
    }

    /// What is missing now may be less than what was measured first.
    void shrink_share(std::size_t position, std::int64_t missing) noexcept {
        std::int64_t& rest = work_.to_load[position];
        std::int64_t& limit = work_.records[position].missing.limit;
        rest = std::min(rest, missing);
        limit = std::min(limit, missing - rest);
    }

    /// Loads a step, or starts to. Returns 0 or the errno. An interrupted step is tried again here:
    /// for cachestat(2), which would find what is missing of the file, pages that are being read
    /// are resident.
    int load(int fd, const load_step& step) {
        int error = EINTR;
        for (int tries = 0; error == EINTR && tries != patience::most; ++tries) {
            if (tries != 0 && !work_.goes_on_after_signals()) break;
            error = -(work_.asked.wait ? detail::load(fd, step)
                                       : start_reading(fd, step.start, step.stop));
        }
        return error;
    }

    /// Loads the file until its share of the room is used up. Returns 0 or the errno.
    int load(std::size_t position, const open_file& file, int fd) {
        const residency now = work_.read(file.fd, file.status);
        const page_spans pages = work_.missing(position, file, now);
        shrink_share(position, bytes_of(pages));
        std::int64_t& rest = work_.to_load[position];
        for (resident_span each : pages) {
            while (each.start < each.stop && rest > 0) {
                const std::int64_t stop = std::min(each.stop, each.start + rest);
                const load_step step = first_step(each.start, stop, file.status.st_size);
                if (!work_.go_on() || !work_.guard.admits(step.bytes(), work_.file_systems))
                    return 0;
                if (const int error = load(fd, step)) {
                    work_.guard.withdraw(step.bytes());
                    return error;
                }
                if (work_.asked.wait)
                    work_.guard.remember(fd, step, file.status, work_.file_systems);
                work_.counters.bytes += step.bytes();
                auto& loaded = work_.records[position].loaded_bytes;
                if (loaded) *loaded += step.bytes();
                rest -= step.bytes();
                each.start = step.stop;
            }
        }
        return 0;
    }

    /// Measures what is resident now, and why the rest is not.
    void measure(std::size_t position, open_file& file, file_system_kind kind, int error) {
        prefetch_record& record = work_.records[position];
        missing_bytes& why = record.missing;
        const std::int64_t not_tried = std::exchange(work_.to_load[position], 0);
        std::int64_t& stopped_by = error != 0                                      ? why.unreadable
                                   : work_.guard.was_reclaimed(work_.file_systems) ? why.reclaimed
                                                                                   : why.limit;
        struct stat status{};
        if (read_status(file.fd, status) == 0) {
            file.status.st_size = status.st_size;
            shrink(position, file);
        }
        if (!record.before_bytes) {
            stopped_by += not_tried;
            return;
        }

        // cachestat(2) also counts pages that are being read, or that could not be.
        const residency cached = work_.read(file.fd, file.status);
        residency now = cached;
        if (error != 0 || !work_.asked.wait) {
            const residency ready =
                read_by_mincore(file.fd, work_.range, file.status, kind, work_.go_on);
            if (ready.known()) now = ready;
        }
        record.unknown = now.unknown;
        if (!now.known()) {
            record.before_bytes = record.after_bytes = record.loaded_bytes = std::nullopt;
            stopped_by += not_tried;
            return;
        }
        record.after_bytes = now.resident_bytes;
        std::int64_t rest = work_.count_missing(position, file, now);
        const auto take = [&rest](std::int64_t bytes) {
            const std::int64_t taken = std::clamp<std::int64_t>(bytes, 0, rest);
            rest -= taken;
            return taken;
        };
        why.limit = take(why.limit);
        stopped_by += take(not_tried);
        if (error != 0) {
            why.unreadable += take(rest);
        } else if (!work_.asked.wait) {
            const bool tells_apart = cached.source == residency_source::CACHESTAT;
            why.in_flight = take(tells_apart ? cached.resident_bytes - now.resident_bytes : rest);
        } else if (rest != 0 && now.evicted_bytes.value_or(0) != 0) {
            work_.guard.found_reclaimed();
            why.reclaimed += take(rest);
        }
        why.not_cached = rest;
        record.loaded_bytes = std::clamp<std::int64_t>(record.loaded_bytes.value_or(0) - rest, 0,
                                                       now.resident_bytes + why.total());
    }

    prefetch_work& work_;
};

/// Measures again what was loaded, after the kernel has reclaimed a part of it.
class second_look {
public:
    using item = open_file;

    explicit second_look(prefetch_work& work) noexcept : work_(work) {}

    verdict prepare(std::size_t position, item& file, bool alone) {
        return work_.open(position, file, alone);
    }

    verdict finish(std::size_t position, item& file) {
        prefetch_record& record = work_.records[position];
        if (file.error != 0 || file_identity::of(file.status) != record.identity) return proceed;
        const residency now = work_.read(file.fd, file.status);
        if (!now.known()) return proceed;
        record.after_bytes = now.resident_bytes;
        const std::int64_t rest = work_.count_missing(position, file, now);
        record.missing.reclaimed += std::max<std::int64_t>(rest - record.missing.total(), 0);
        return proceed;
    }

private:
    prefetch_work& work_;
};

/// Which files to load, each once, however often the list names them.
class load_list {
public:
    explicit load_list(prefetch_work& work) : work_(work) {
        for (std::size_t i = 0; i != work.records.size(); ++i)
            if (work.to_load[i] != 0 && first_.try_emplace(work.records[i].identity, i).second)
                positions_.push_back(i);
            else if (work.to_load[i] != 0)
                repeat(i, first_[work.records[i].identity]);
    }

    const std::vector<std::size_t>& positions() const noexcept { return positions_; }

    /// Shares the room among the files in the order of the list. Returns the limit that not
    /// everything fits into.
    std::optional<prefetch_limit> share() {
        for (const std::size_t each : positions_) add_bytes(needed_bytes_, work_.to_load[each]);
        if (needed_bytes_ == 0) return std::nullopt;
        const memory_room room = work_.guard.find_room(work_.asked.max_bytes, reserved_bytes());
        if (needed_bytes_ <= room.bytes) return std::nullopt;
        std::int64_t rest = work_.asked.on_limit == limit_action::STOP ? room.bytes : 0;
        for (const std::size_t each : positions_) {
            const std::int64_t part =
                std::min(work_.to_load[each], rest / page_size() * page_size());
            work_.records[each].missing.limit = work_.to_load[each] - part;
            work_.to_load[each] = part;
            rest -= part;
        }
        return prefetch_limit{needed_bytes_, room.bytes, room.source, room.cgroup};
    }

    /// What was missing of all files.
    std::int64_t needed_bytes() const noexcept { return needed_bytes_; }

    /// What was loaded counts for the name that comes first in the list.
    void settle_repeated() {
        for (const auto& [position, first] : repeated_) {
            prefetch_record& record = work_.records[position];
            record = work_.records[first];
            record.before_bytes = record.after_bytes;
            if (record.loaded_bytes) record.loaded_bytes = 0;
            ++work_.counters.done_files;
        }
    }

private:
    /// What must stay: what the caller names, and what is resident already of the files, each once.
    std::int64_t reserved_bytes() const {
        std::unordered_set<file_identity, file_identity_hash> seen;
        std::int64_t sum = std::max<std::int64_t>(work_.asked.reserved_bytes, 0);
        for (std::size_t i = 0; i != work_.records.size(); ++i)
            if (work_.cached[i] != 0 && seen.insert(work_.records[i].identity).second)
                add_bytes(sum, work_.cached[i]);
        return sum;
    }

    void repeat(std::size_t position, std::size_t first) {
        repeated_.emplace_back(position, first);
        const std::int64_t bytes = std::exchange(work_.to_load[position], 0);
        if (!work_.restores) return;
        const resident_spans& from = work_.spans[position];
        resident_spans& into = work_.spans[first];
        if (from && into) into->insert(into->end(), from->begin(), from->end());
        add_bytes(work_.to_load[first], bytes);
    }

    prefetch_work& work_;
    std::unordered_map<file_identity, std::size_t, file_identity_hash> first_;
    std::vector<std::size_t> positions_;
    std::int64_t needed_bytes_ = 0;
    std::vector<std::pair<std::size_t, std::size_t>> repeated_;
};

/// `prefetch` over a list of targets; with `warm`, of these ranges of each.
inline prefetch_report prefetch_files(targets files, const prefetch_options& asked,
                                      std::optional<std::vector<resident_spans>> warm = {}) {
    prefetch_work work(std::move(files), asked, std::move(warm));
    measuring_pass measuring(work);
    loading_pass loading(work);
    second_look looking(work);
    batch_options how;
    how.workers = asked.workers;
    work.tell_start();
    run_batch(measuring, work.targets.size(), how, work.tick);
    const std::vector<std::size_t> found =
        work.expand_directories(work.spans, work.to_load, work.cached);
    subset<measuring_pass> below(measuring, found);
    run_batch(below, found.size(), how, work.tick);

    std::optional<prefetch_limit> limit;
    bool refused = false;
    if (!work.tick.stopped()) {
        load_list list(work);
        limit = list.share();
        refused = limit && asked.on_limit == limit_action::REFUSE;
        subset<loading_pass> load(loading, list.positions());
        how.amount = &work.counters.bytes;
        run_batch(load, list.positions().size(), how, work.tick);
        how.amount = nullptr;
        // In the child of a fork, another thread may hold the guard for ever.
        if (!work.tick.stopped() && work.guard.was_reclaimed(work.file_systems)) {
            subset<second_look> look(looking, list.positions());
            run_batch(look, list.positions().size(), how, work.tick);
        }
        if (!work.tick.stopped()) list.settle_repeated();
        if (const auto& full = work.guard.full(); full && !limit)
            limit = prefetch_limit{list.needed_bytes(), full->bytes, full->source, full->cgroup};
    }
    work.tell_end();
    return {work.targets.take_paths(), std::move(work.records), std::move(work.skipped),
            work.tick.stopped(),       std::move(limit),        refused};
}

/// `prefetch` of what was resident when a report was made.
inline prefetch_report restore_files(const cache_report& warm, const prefetch_options& asked) {
    targets files;
    std::vector<resident_spans> spans;
    for (std::size_t i = 0; i != warm.size(); ++i) {
        files.append(warm.path(i));
        spans.push_back(warm.spans(i));
    }
    return prefetch_files(std::move(files), asked, std::move(spans));
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
