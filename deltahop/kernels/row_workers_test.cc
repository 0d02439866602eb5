// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/row_workers.h"

#include <gtest/gtest.h>

#include <chrono>
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

TEST(RowWorkers, FewerThanOneThreadIsOne) { EXPECT_EQ(RowWorkers(0).threads(), 1); }

}  // namespace
}  // namespace deltahop
