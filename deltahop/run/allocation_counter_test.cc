// SPDX-License-Identifier: Apache-2.0
// Replaces the allocating operators of this test program by ones that count.
#include <atomic>
#include <cstdlib>
#include <new>
#include <vector>

#include <gtest/gtest.h>

#include "deltahop/run/allocation_test_counter.h"

namespace {

std::atomic<int64_t> allocations{0};

void* checked(void* memory) {
  ++allocations;
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(size_t size) { return checked(std::malloc(size)); }
void* operator new(size_t size, std::align_val_t alignment) {
  const auto step = static_cast<size_t>(alignment);
  return checked(std::aligned_alloc(step, (size + step - 1) / step * step));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

namespace deltahop {

int64_t allocation_count() { return allocations; }

namespace {

TEST(AllocationCounter, CountsAVectorThatGrows) {
  const int64_t before = allocation_count();
  const std::vector<int> numbers(100, 1);
  EXPECT_EQ(numbers.size(), 100u);
  EXPECT_GE(allocation_count(), before + 1);
}

}  // namespace
}  // namespace deltahop
