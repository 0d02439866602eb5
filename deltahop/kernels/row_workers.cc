// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/row_workers.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include <hwy/cache_control.h>

namespace deltahop {
namespace {

constexpr int kSpins = 1000;  // some ten microseconds: about the pause between two layers of one step

}  // namespace

struct RowWorkers::Team {
  std::atomic<uint32_t> round{0};
  std::atomic<int> busy{0};
  std::atomic<bool> ends{false};
  const std::function<void(int)>* work = nullptr;
  std::vector<std::thread> threads;

  void wait_beside(int piece) {
    uint32_t seen = 0;
    for (;;) {
      for (int spin = 0; spin < kSpins && round.load(std::memory_order_acquire) == seen; ++spin) {
        hwy::Pause();
      }
      round.wait(seen, std::memory_order_acquire);
      seen = round.load(std::memory_order_acquire);
      if (ends.load(std::memory_order_relaxed)) return;
      (*work)(piece);
      busy.fetch_sub(1, std::memory_order_release);
    }
  }
};

RowWorkers::RowWorkers(int threads) : threads_(std::max(threads, 1)), team_(std::make_unique<Team>()) {
  for (int piece = 1; piece < threads_; ++piece) {
    team_->threads.emplace_back([team = team_.get(), piece] { team->wait_beside(piece); });
  }
}

RowWorkers::~RowWorkers() {
  team_->ends.store(true, std::memory_order_relaxed);
  team_->round.fetch_add(1, std::memory_order_release);
  team_->round.notify_all();
  for (std::thread& thread : team_->threads) thread.join();
}

void RowWorkers::run(const std::function<void(int)>& work) {
  team_->work = &work;
  team_->busy.store(threads_ - 1, std::memory_order_relaxed);
  team_->round.fetch_add(1, std::memory_order_release);
  team_->round.notify_all();
  work(0);
  for (int spin = 0; team_->busy.load(std::memory_order_acquire) != 0; ++spin) {
    if (spin > kSpins) {
      std::this_thread::yield();
    } else {
      hwy::Pause();
    }
  }
}

}  // namespace deltahop
