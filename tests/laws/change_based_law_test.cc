// SPDX-License-Identifier: Apache-2.0
// Change-based inference at threshold 0 gives the integer executor's bits for any network, number formats and
// sequence, by both of its rules; and its books are balanced.
#include <gtest/gtest.h>

#include "deltahop/network/mac_counts.h"
#include "deltahop/run/change_based.h"
#include "tests/laws/random_network.h"

namespace deltahop {
namespace {

// The next frame: a patch of the last one drawn anew, sometimes all or nothing.
Tensor next_frame(Random& random, Tensor frame) {
  if (random.chance(0.1)) return frame;
  const int64_t rows = frame.dim(2), columns = frame.dim(3);
  const int64_t top = random.integer(0, rows - 1), left = random.integer(0, columns - 1);
  const int64_t bottom = random.integer(top, rows - 1), right = random.integer(left, columns - 1);
  for (int64_t c = 0; c < frame.dim(1); ++c) {
    for (int64_t h = top; h <= bottom; ++h) {
      for (int64_t w = left; w <= right; ++w)
        frame.values<float>()[static_cast<size_t>((c * rows + h) * columns + w)] =
            random.chance(0.3) ? 0.0f : static_cast<float>(random.normal());
    }
  }
  return frame;
}

void expect_books_balanced(const ChangeLedger& entry) {
  EXPECT_LE(entry.done_macs, entry.dense_macs);
  EXPECT_LE(entry.nonzero_macs, entry.dense_macs);
  EXPECT_LE(entry.done_nonzero_macs, entry.done_macs);
  EXPECT_LE(entry.changed_pixels, entry.pixels);
  EXPECT_LE(entry.affected_outputs, entry.outputs);
  EXPECT_GE(entry.plain_written_bytes, 0);
}

void expect_executors_bits(ChangeRule rule, uint64_t seed) {
  Random random(seed);
  int64_t skipped = 0;
  for (int trial = 0; trial < 120; ++trial) {
    SCOPED_TRACE(trial);
    const IntegerModel model = random_model(random, RandomNetwork(random, true).build());
    const IntegerExecutor executor(model);
    ChangeBasedNetwork video(model, {rule, 0, random.chance(0.5)});
    std::vector<Tensor> inputs;
    inputs.push_back(random_tensor(random, *model.network.value(model.network.inputs()[0].value).shape, 1.0));
    int64_t nonzero = 0;
    for (int frame = 0; frame < 6; ++frame) {
      if (frame == 4 && random.chance(0.5)) video.reset();
      EXPECT_EQ(video.step(inputs, {}).codes,
                executor
                    .run(inputs, {},
                         [&](const Stage&, const LayerTrace& trace) {
                           const bool counted = trace.workload.has_value() && frame > 0;
                           if (counted)
                             nonzero += MacCounter(trace.workload->workload.shape, nullptr)
                                            .count(*trace.input)
                                            .nonzero_input;
                         })
                    .codes);
      inputs[0] = next_frame(random, std::move(inputs[0]));
    }
    ChangeLedger all;
    for (const ChangeLedger& entry : video.ledger()) {
      expect_books_balanced(entry);
      all += entry;
    }
    skipped += all.dense_macs - all.done_macs;
    // The second count of what zeros save: every frame but those in full.
    if (all.frames == 5) {
      EXPECT_EQ(all.nonzero_macs, nonzero);
    }
  }
  EXPECT_GT(skipped, 0);
}

TEST(ChangeBasedLaw, RecomputedPixelsAreTheExecutors) { expect_executors_bits(ChangeRule::recompute, 21); }
TEST(ChangeBasedLaw, AccumulatedDifferencesAreTheExecutors) {
  expect_executors_bits(ChangeRule::accumulate, 22);
}

}  // namespace
}  // namespace deltahop
