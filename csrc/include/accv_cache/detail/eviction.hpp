// SPDX-License-Identifier: Apache-2.0
// Evicts one file of any size, a very large one piece by piece.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "accv_cache/detail/file/advice.hpp"
#include "accv_cache/detail/file/byte_range.hpp"
#include "accv_cache/detail/run/batch.hpp"
#include "accv_cache/detail/run/tick.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Evicts a large file as a batch whose positions are the pieces of the file.
class piecewise_eviction {
public:
    struct item {};

    piecewise_eviction(int fd, const byte_range& range, std::int64_t end) noexcept
        : fd_(fd), range_(range) {
        const std::int64_t span = end - range.offset;
        step_ = std::max(round_up(span / most_pieces), least_step);
        first_end_ = round_up(range.offset + 1) + step_ - seam;
        pieces_ = 1 + static_cast<std::size_t>(
                          std::max<std::int64_t>(0, (end - first_end_ + step_ - 1) / step_));
    }

    std::size_t pieces() const noexcept { return pieces_; }

    verdict prepare(std::size_t, item&, bool) noexcept { return proceed; }
    verdict finish(std::size_t piece, item&) noexcept {
        const auto nth = static_cast<std::int64_t>(piece);
        const std::int64_t start = piece == 0 ? range_.offset : first_end_ + (nth - 1) * step_;
        // The last piece ends where the caller's range ends, which may be behind the size that was
        // read.
        const std::int64_t length = piece + 1 != pieces_ ? first_end_ + nth * step_ - start
                                    : range_.length != 0 ? range_.length - (start - range_.offset)
                                                         : 0;
        return -advise_evict(fd_, {start, length});
    }

private:
    /// A folio cut by a piece boundary is evicted by neither piece.
    static constexpr std::int64_t seam = std::int64_t{2} << 20;
    static constexpr std::int64_t least_step = 16 * seam;
    /// Bounds the cost of the calls for a file with few pages in memory.
    static constexpr std::int64_t most_pieces = 256;

    static constexpr std::int64_t round_up(std::int64_t bytes) noexcept {
        return (bytes + seam - 1) / seam * seam;
    }

    const int fd_;
    const byte_range range_;
    std::int64_t step_;
    std::int64_t first_end_;
    std::size_t pieces_;
};

/// `evict`, once.
inline verdict evict_once(int fd, const byte_range& range, std::int64_t bytes,
                          std::int64_t file_size, bool alone, std::size_t workers, ticker& tick) {
    batch_options options;
    options.workers = alone ? workers : 1;
    const std::int64_t worth_splitting = std::int64_t{options.workers == 1 ? 1024 : 64} << 20;
    // Beyond it the ends of the pieces would be no off_t; such a file is sparse.
    constexpr std::int64_t most_splittable = std::int64_t{1} << 62;
    const std::int64_t end = range.end(file_size);
    if (bytes < worth_splitting || range.offset >= file_size || end > most_splittable)
        return -advise_evict(fd, range);

    piecewise_eviction job(fd, range, std::max(end, range.offset));
    const auto go_on = [&tick] { return !tick.stopped(); };
    ticker tick_of_worker(go_on);
    const batch_result result =
        run_batch(job, job.pieces(), options, alone ? tick : tick_of_worker);
    if (result.stopped) return interrupted;
    if (result.failure != proceed) return result.failure;
    // Once more for the whole range: folios may have grown across a piece boundary meanwhile.
    return -advise_evict(fd, range);
}

/// Evicts the pages of `fd` that lie wholly inside `range`, of which at most `bytes` are resident.
/// Returns `proceed`, an errno, or `interrupted` when the tick stopped it; throws what the tick
/// throws.
///
/// `alone`: runs on the calling thread while no other file is processed, so a large file may use
/// all threads. One posix_fadvise(2) evicts about 5 GiB per second in 4 KiB folios and cannot be
/// interrupted, so a very large file is evicted piece by piece on one thread too.
///
/// Not alone, advice that fails is given once more: with fail_fast it was rehearsed, so it failed
/// for a moment only, and other threads may have evicted files that must stay if this one fails.
inline verdict evict(int fd, const byte_range& range, std::int64_t bytes, std::int64_t file_size,
                     bool alone, std::size_t workers, ticker& tick) {
    verdict said = evict_once(fd, range, bytes, file_size, alone, workers, tick);
    if (said > proceed && !alone)
        said = evict_once(fd, range, bytes, file_size, alone, workers, tick);
    return said;
}

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
