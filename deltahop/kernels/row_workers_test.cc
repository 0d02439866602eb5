// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/row_workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

namespace deltahop {
namespace {

TEST(RowWorkers, EachPieceIsDoneOnceACall) {
  for (const int threads : {1, 2, 4}) {
    RowWorkers workers(threads);
    std::vector<int> done(static_cast<size_t>(threads));
    for (int call = 1; call <= 300; ++call) {
      workers.run([&](int piece) { ++done[static_cast<size_t>(piece)]; });
      ASSERT_EQ(done, std::vector<int>(static_cast<size_t>(threads), call));
    }
  }
}

TEST(RowWorkers, WakeAfterALongPause) {
  RowWorkers workers(2);
  int done = 0;
  for (int call = 0; call < 3; ++call) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // longer than they spin
    workers.run([&](int piece) {
      if (piece == 1) ++done;
    });
  }
  EXPECT_EQ(done, 3);
}

TEST(RowWorkers, SmallWorkIsNotWorthHandingOver) {
  RowWorkers alone(1), workers(2);
  EXPECT_FALSE(alone.are_worth(1));
  EXPECT_FALSE(workers.are_worth(1e-7));
  EXPECT_TRUE(workers.are_worth(1e-3));
}

// Two teams of four on any number of processors: a thread that has not begun is not waited for, so that one
// team's call within another's ends, too.
TEST(RowWorkers, TeamsWithinTeamsEnd) {
  RowWorkers outer(4);
  std::vector<std::unique_ptr<RowWorkers>> inner;
  for (int i = 0; i < 4; ++i) inner.push_back(std::make_unique<RowWorkers>(4));
  std::atomic<int> done{0};
  for (int call = 0; call < 50; ++call) {
    outer.run([&](int piece) { inner[static_cast<size_t>(piece)]->run([&](int) { ++done; }); });
  }
  EXPECT_EQ(done, 50 * 16);
}

TEST(RowWorkers, FewerThanOneThreadIsOne) { EXPECT_EQ(RowWorkers(0).threads(), 1); }

}  // namespace
}  // namespace deltahop
