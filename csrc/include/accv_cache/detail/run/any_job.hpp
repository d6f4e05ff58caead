// SPDX-License-Identifier: Apache-2.0
// A job without its type, so that a program compiles the batch runner once and not per job.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#include "accv_cache/detail/run/verdict.hpp"
#include "accv_cache/version.hpp"

namespace accv_cache {
inline namespace ACCV_CACHE_ABI {
namespace detail {

/// Refers to a job, whose two steps are described at `run_batch`.
class any_job {
public:
    /// What a job keeps of a position between its steps.
    class item {
    public:
        item() noexcept = default;
        item(const item&) = delete;
        item& operator=(const item&) = delete;
        ~item() { reset(); }

        /// Destroys it; `prepare` makes a new one.
        void reset() noexcept {
            if (destroy_ != nullptr) std::exchange(destroy_, nullptr)(bytes_);
        }

    private:
        friend class any_job;

        alignas(std::max_align_t) std::byte bytes_[256];
        void (*destroy_)(void*) = nullptr;  // nullptr: there is none
    };

    template <class Job>
    static any_job of(Job& job) noexcept {
        static_assert(sizeof(typename Job::item) <= sizeof(item::bytes_) &&
                      alignof(typename Job::item) <= alignof(std::max_align_t));
        return any_job(&job, steps_of<Job>);
    }

    verdict prepare(std::size_t position, item& entry, bool alone) const {
        if (entry.destroy_ == nullptr) {
            steps_.make(entry.bytes_);
            entry.destroy_ = steps_.destroy;
        }
        return steps_.prepare(job_, position, entry.bytes_, alone);
    }
    verdict finish(std::size_t position, item& entry) const {
        return steps_.finish(job_, position, entry.bytes_);
    }

private:
    struct steps {
        void (*make)(void* entry);
        void (*destroy)(void* entry);
        verdict (*prepare)(void* job, std::size_t position, void* entry, bool alone);
        verdict (*finish)(void* job, std::size_t position, void* entry);
    };

    template <class Job>
    static typename Job::item& item_of(void* entry) noexcept {
        return *std::launder(static_cast<typename Job::item*>(entry));
    }

    template <class Job>
    static constexpr steps steps_of{
        [](void* entry) { ::new (entry) typename Job::item{}; },
        [](void* entry) { std::destroy_at(&item_of<Job>(entry)); },
        [](void* job, std::size_t position, void* entry, bool alone) -> verdict {
            return static_cast<Job*>(job)->prepare(position, item_of<Job>(entry), alone);
        },
        [](void* job, std::size_t position, void* entry) -> verdict {
            return static_cast<Job*>(job)->finish(position, item_of<Job>(entry));
        },
    };

    any_job(void* job, const steps& how) noexcept : job_(job), steps_(how) {}

    void* job_;
    const steps& steps_;
};

}  // namespace detail
}  // namespace ACCV_CACHE_ABI
}  // namespace accv_cache
