// SPDX-License-Identifier: Apache-2.0
// Threads that wait beside a caller, for work so large that a second one pays. Each takes its share; between
// calls they spin for a moment and then sleep. The caller never waits for a thread that has not begun: what
// nobody has taken it does itself.
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
  // Calls work(piece) once for each piece in [0, threads()), one of them at least on the caller's thread;
  // returns when all are done. Not to be called from two threads at once; work must not throw.
  void run(const std::function<void(int piece)>& work);

  // Whether work of so many seconds on one thread is done sooner by several, as far as one can say before:
  // handing over takes a moment, and waking a thread that sleeps much longer.
  bool are_worth(double seconds) const;
  // Wakes those who sleep, ahead of work of so many seconds in all, if that pays.
  void wake_for(double seconds);

 private:
  struct Team;
  int threads_;
  std::unique_ptr<Team> team_;
};

}  // namespace deltahop
