// SPDX-License-Identifier: Apache-2.0
// How long work tells how far it is: the library calls, the program draws. The library never prints.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace deltahop {

// task: what is being done, for people; done of total steps. May be called from one thread only. An empty
// function is silence. A callback may throw to stop the work.
using Progress = std::function<void(std::string_view task, int64_t done, int64_t total)>;

inline void report_progress(const Progress& progress, std::string_view task, int64_t done, int64_t total) {
  if (progress) progress(task, done, total);
}

}  // namespace deltahop
