// SPDX-License-Identifier: Apache-2.0
// What every call of oneDNN shares: its exceptions turned into ours, and its threads limited.
#pragma once

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>
#include <dnnl.hpp>

#include "deltahop/base/error.h"

// oneDNN takes its threads from OpenMP, whose setting belongs to the calling thread (an internal control
// variable of its task), not to the process: set around each call and put back, it disturbs nobody else.
// Declared here because clang does not find GCC's <omp.h>.
extern "C" {
void omp_set_num_threads(int threads);
int omp_get_max_threads(void);
}

namespace deltahop {

// A thread is worth this many multiply-accumulates, some fifty microseconds: with less, threads wait for each
// other longer than they work, and many times longer where the machine has other work.
constexpr int64_t kSmallestWork = int64_t{1} << 22;

class ThreadLimit {
 public:
  ThreadLimit(int threads, int64_t macs) : before_(omp_get_max_threads()) {
    omp_set_num_threads(static_cast<int>(std::clamp<int64_t>(macs / kSmallestWork, 1, std::max(threads, 1))));
  }
  ~ThreadLimit() { omp_set_num_threads(before_); }
  ThreadLimit(const ThreadLimit&) = delete;
  ThreadLimit& operator=(const ThreadLimit&) = delete;

 private:
  int before_;
};

template <class Function>
void at_fence(Function&& function) {
  try {
    function();
  } catch (const dnnl::error& error) {
    throw Error("", error.status == dnnl_out_of_memory ? "there is no memory for this convolution"
                                                       : fmt::format("oneDNN: {}", error.message));
  }
}

// What is beyond the input at the end so that the last window is complete; negative where the last rows are
// not read.
inline int64_t pad_end(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation,
                       int64_t pad_begin) {
  return (out - 1) * stride + (kernel - 1) * dilation + 1 - in - pad_begin;
}

}  // namespace deltahop
