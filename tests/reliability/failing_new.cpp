// SPDX-License-Identifier: Apache-2.0
// To be preloaded: an operator new that counts, and fails once where it is told to.
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

std::atomic<bool> is_armed{false};
std::atomic<std::size_t> allocations{0};
std::atomic<std::size_t> failing{0};

void* allocate(std::size_t bytes) noexcept {
    if (is_armed && allocations++ == failing) return nullptr;
    return std::malloc(bytes);
}

}  // namespace

extern "C" {

/// From now on the allocation with this number, counted from 0, fails.
void arm(std::size_t nth) {
    failing = nth;
    allocations = 0;
    is_armed = true;
}

/// Stops failing. Returns how many allocations there were.
std::size_t disarm() {
    is_armed = false;
    return allocations;
}
}

void* operator new(std::size_t bytes) {
    void* const memory = allocate(bytes);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}
void* operator new[](std::size_t bytes) { return operator new(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return allocate(bytes); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return allocate(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
