// SPDX-License-Identifier: Apache-2.0
#include "deltahop/signal/deltas.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/base/random.h"

namespace deltahop {
namespace {

using Rows = std::vector<std::vector<float>>;

Rows streamed(const DeltaFeatureOptions& options, const Rows& rows) {
  DeltaFeatures deltas(options, rows.empty() ? 1 : static_cast<int64_t>(rows[0].size()));
  Rows out;
  const FrameSink keep = [&](std::span<const float> row) { out.emplace_back(row.begin(), row.end()); };
  for (const auto& row : rows) deltas.push(row, keep);
  deltas.finish(keep);
  return out;
}

// The whole recording at once, as the formula reads.
Rows slopes(const Rows& rows, int64_t width) {
  const auto last = static_cast<int64_t>(rows.size()) - 1;
  Rows out = rows;
  for (int64_t t = 0; t <= last; ++t) {
    for (size_t f = 0; f < rows[0].size(); ++f) {
      double sum = 0;
      double norm = 0;
      for (int64_t n = 1; n <= width; ++n) {
        const double after = rows[static_cast<size_t>(std::min(t + n, last))][f];
        sum += static_cast<double>(n) *
               (after - static_cast<double>(rows[static_cast<size_t>(std::max<int64_t>(t - n, 0))][f]));
        norm += 2 * static_cast<double>(n * n);
      }
      out[static_cast<size_t>(t)][f] = static_cast<float>(sum / norm);
    }
  }
  return out;
}

TEST(DeltaFeatures, OfAStreamAreThoseOfTheWholeRecording) {
  Random random(5);
  for (const int64_t length : {1, 2, 3, 5, 9, 40}) {
    for (const int64_t width : {1, 2, 5, 9}) {
      Rows rows(static_cast<size_t>(length), std::vector<float>(3));
      for (auto& row : rows) {
        for (float& value : row) value = static_cast<float>(random.normal());
      }
      const Rows first = slopes(rows, width);
      const Rows second = slopes(first, width);
      const Rows out = streamed({.order = 2, .width = width}, rows);
      ASSERT_EQ(out.size(), rows.size());
      for (size_t t = 0; t < rows.size(); ++t) {
        std::vector<float> wanted = rows[t];
        wanted.insert(wanted.end(), first[t].begin(), first[t].end());
        wanted.insert(wanted.end(), second[t].begin(), second[t].end());
        EXPECT_EQ(out[t], wanted) << length << " frames, width " << width << ", frame " << t;
      }
    }
  }
}

TEST(DeltaFeatures, OfALineAreItsSlope) {
  Rows rows;
  for (int t = 0; t < 20; ++t) rows.push_back({0.5F * static_cast<float>(t)});
  const Rows out = streamed({.order = 1, .width = 2}, rows);
  for (size_t t = 2; t < 18; ++t) EXPECT_FLOAT_EQ(out[t][1], 0.5F);
  EXPECT_FLOAT_EQ(out[0][1], 0.25F);  // (1 * 0.5 + 2 * 1) / 10: the first frame stands for those before it
}

TEST(DeltaFeatures, OrderZeroPassesFramesOn) {
  const Rows rows = {{1, 2}, {3, 4}};
  EXPECT_EQ(streamed({}, rows), rows);
}

TEST(DeltaFeatures, RefusesWhatItCannotDo) {
  EXPECT_THROW(DeltaFeatures({.order = 3}, 4), Error);
  EXPECT_THROW(DeltaFeatures({.order = 1, .width = 0}, 4), Error);
  EXPECT_THROW(DeltaFeatures({.order = 2, .width = 100}, 1 << 21), Error);
}

}  // namespace
}  // namespace deltahop
