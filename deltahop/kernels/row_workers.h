// SPDX-License-Identifier: Apache-2.0
// Threads that wait beside a matrix-vector product, for layers so large that a second one pays. Each takes
// its share of the rows; between calls they spin for a moment and then sleep.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace deltahop {

class RowWorkers {
 public:
  // threads: with the caller's own; at least 1.
  explicit RowWorkers(int threads);
  ~RowWorkers();
  RowWorkers(const RowWorkers&) = delete;
  RowWorkers& operator=(const RowWorkers&) = delete;

  int threads() const { return threads_; }
  // Calls work(piece) for each piece in [0, threads()), one of them on the caller's thread; returns when all
  // are done. Not to be called from two threads at once; work must not throw.
  void run(const std::function<void(int piece)>& work);

 private:
  struct Team;
  int threads_;
  std::unique_ptr<Team> team_;
};

}  // namespace deltahop
