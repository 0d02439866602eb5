// SPDX-License-Identifier: Apache-2.0
#include "deltahop/base/parallel.h"

#include <algorithm>
#include <exception>
#include <thread>
#include <vector>

namespace deltahop {

void parallel_for(int threads, int64_t count, const std::function<void(int64_t, int64_t)>& body,
                  int64_t smallest_piece) {
  if (count <= 0) return;
  const int64_t pieces =
      std::clamp<int64_t>(count / std::max<int64_t>(smallest_piece, 1), 1, std::max(threads, 1));
  if (pieces == 1) return body(0, count);
  std::vector<std::exception_ptr> faults(static_cast<size_t>(pieces));
  const auto run_piece = [&](int64_t piece) {
    try {
      body(count * piece / pieces, count * (piece + 1) / pieces);
    } catch (...) {
      faults[static_cast<size_t>(piece)] = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> workers;
    workers.reserve(static_cast<size_t>(pieces) - 1);
    for (int64_t piece = 1; piece < pieces; ++piece) workers.emplace_back(run_piece, piece);
    run_piece(0);
  }
  for (const std::exception_ptr& fault : faults) {
    if (fault) std::rethrow_exception(fault);
  }
}

int processor_count() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

}  // namespace deltahop
