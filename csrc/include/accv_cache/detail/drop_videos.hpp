// SPDX-License-Identifier: Apache-2.0
// What `drop_videos_cache` does with a list of files.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "accv_cache/detail/eviction.hpp"
#include "accv_cache/detail/file/advice.hpp"
#include "accv_cache/detail/file/descriptor.hpp"
#include "accv_cache/detail/file/file_system.hpp"
#include "accv_cache/detail/file/file_type.hpp"
#include "accv_cache/detail/list/target_list.hpp"
#include "accv_cache/detail/run/batch.hpp"
#include "accv_cache/detail/run/memory.hpp"
#include "accv_cache/detail/run/patience.hpp"
#include "accv_cache/detail/run/tick.hpp"
#include "accv_cache/report.hpp"
#include "accv_cache/status.hpp"
#include "accv_cache/targets.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Opens, checks and evicts the file at each position of a list.
class videos_eviction {
public:
    struct item {
        open_file file;
        bool alone = false;
    };

    videos_eviction(const target_list& files, std::size_t workers, ticker& tick) noexcept
        : files_(files), workers_(workers), tick_(tick) {}

    verdict prepare(std::size_t position, item& entry, bool alone) noexcept {
        entry.file = files_.open(position);
        const open_file& file = entry.file;
        if (retries_.with(file.error, position)) return interrupted;
        if (!alone && is_out_of_descriptors(file.error)) return out_of_descriptors;
        if (file.failed == failed_step::NAME) return failed(DropCacheStatus::UNKNOWN_ERROR);
        if (file.failed == failed_step::OPEN) return failed(DropCacheStatus::FILE_OPEN_FAILED);
        if (file.error != 0 || S_ISFIFO(file.status.st_mode))
            return failed(DropCacheStatus::FADVISE_FAILED);
        entry.alone = alone;
        if (!may_have_pages(file.status.st_mode) || alone) return proceed;
        if (rehearse_advice(file.fd) != 0) return failed(DropCacheStatus::FADVISE_FAILED);
        const file_system_kind kind = file_systems_.of(file.fd, file.status);
        return may_refuse_advice(kind) ? proceed_in_turn : proceed;
    }

    verdict finish(std::size_t, item& entry) {
        const open_file& file = entry.file;
        if (!may_have_pages(file.status.st_mode)) return proceed;
        const std::int64_t size = S_ISREG(file.status.st_mode) ? file.status.st_size : 0;
        const verdict said = evict(file.fd, {}, size, size, entry.alone, workers_, tick_);
        return said == proceed || said == interrupted ? said
                                                      : failed(DropCacheStatus::FADVISE_FAILED);
    }

private:
    static verdict failed(DropCacheStatus status) noexcept { return static_cast<verdict>(status); }

    const target_list& files_;
    const std::size_t workers_;
    ticker& tick_;
    file_system_lookup file_systems_;
    patience retries_;
};

/// `drop_videos_cache` over a list. Returns SUCCESS if the tick stops it before a file fails.
inline DropCacheStatus drop_videos(targets files, std::size_t workers, ticker& tick) {
    batch_options options;
    options.workers = workers;
    options.fail_fast = true;
    batch_result result;
    const bool had_memory = has_memory_for([&] {
        const target_list list(std::move(files));
        // A table of their own does not contain the descriptors of the caller.
        options.own_descriptors = !list.has_descriptors();
        videos_eviction job(list, workers, tick);
        result = run_batch(job, list.size(), options, tick);
    });
    return had_memory ? static_cast<DropCacheStatus>(result.failure)
                      : DropCacheStatus::UNKNOWN_ERROR;
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
