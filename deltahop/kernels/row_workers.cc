// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/row_workers.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <hwy/cache_control.h>

namespace deltahop {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kAwake =
    std::chrono::microseconds(100);  // after work: longer than a step's pause, or a frame's
constexpr int kSpins = 64;           // between two looks at the clock
constexpr int kMostSpins = 1000;     // of a caller, before it lets others run
// Measured: to hand work to a thread that spins takes 0.5 us and more where it ends; one that sleeps has
// begun after some 30 us, and waking costs the caller several.
constexpr double kWorthHanding = 4e-6, kWorthWaking = 60e-6;

}  // namespace

struct RowWorkers::Team {
  // A thread keeps its piece from call to call, with what lies in its cache.
  struct alignas(64) Piece {
    std::atomic<bool> is_open{false};
    bool take() { return is_open.load(std::memory_order_relaxed) && is_open.exchange(false); }
  };
  std::vector<Piece> pieces;
  alignas(64) std::atomic<int> done{0};  // pieces of this call, by others than the caller
  alignas(64) std::atomic<uint32_t> alarm{0};
  std::atomic<int> asleep{0};
  std::atomic<bool> ends{false};
  const std::function<void(int)>* work = nullptr;  // to be read by who has taken a piece
  std::vector<std::thread> threads;

  explicit Team(int count) : pieces(static_cast<size_t>(count)) {}

  void wait_beside(int number) {
    Piece& own = pieces[static_cast<size_t>(number)];
    Clock::time_point last_work = Clock::now();
    for (;;) {
      const uint32_t seen = alarm.load();
      if (ends.load()) return;
      bool has_worked = false;
      for (int spin = 0; spin < kSpins; ++spin) {
        if (own.take()) {
          (*work)(number);
          done.fetch_add(1, std::memory_order_release);
          has_worked = true;
        }
        hwy::Pause();
      }
      const Clock::time_point now = Clock::now();
      if (has_worked) last_work = now;
      if (now - last_work < kAwake) continue;
      asleep.fetch_add(1);
      alarm.wait(seen);
      asleep.fetch_sub(1);
      last_work = Clock::now();
    }
  }

  void wake() {
    alarm.fetch_add(1);
    alarm.notify_all();
  }
};

RowWorkers::RowWorkers(int threads)
    : threads_(std::max(threads, 1)), team_(std::make_unique<Team>(threads_)) {
  for (int piece = 1; piece < threads_; ++piece) {
    team_->threads.emplace_back([team = team_.get(), piece] { team->wait_beside(piece); });
  }
}

RowWorkers::~RowWorkers() {
  team_->ends.store(true);
  team_->wake();
  for (std::thread& thread : team_->threads) thread.join();
}

void RowWorkers::run(const std::function<void(int)>& work) {
  team_->work = &work;
  team_->done.store(0, std::memory_order_relaxed);
  for (size_t i = 1; i < team_->pieces.size(); ++i) team_->pieces[i].is_open.store(true);
  if (team_->asleep.load() > 0) team_->wake();
  work(0);
  int others = threads_ - 1;
  for (int i = 1; i < threads_; ++i) {
    if (!team_->pieces[static_cast<size_t>(i)].take()) continue;
    work(i);
    --others;
  }
  for (int spin = 0; team_->done.load(std::memory_order_acquire) != others; ++spin) {
    if (spin > kMostSpins) {
      std::this_thread::yield();
    } else {
      hwy::Pause();
    }
  }
}

bool RowWorkers::are_worth(double seconds) const {
  if (threads_ == 1) return false;
  return seconds > (team_->asleep.load(std::memory_order_relaxed) == 0 ? kWorthHanding : kWorthWaking);
}

void RowWorkers::wake_for(double seconds) {
  if (threads_ > 1 && seconds > kWorthWaking && team_->asleep.load() > 0) team_->wake();
}

}  // namespace deltahop
