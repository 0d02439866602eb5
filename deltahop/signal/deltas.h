// SPDX-License-Identifier: Apache-2.0
// Slopes of features over time, by HTK's regression: d[t] = sum over n of n (c[t+n] - c[t-n]) / (2 sum of
// n^2), the first and last frame repeated beyond the ends; delta-deltas are the deltas of the deltas.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace deltahop {

struct DeltaFeatureOptions {
  int64_t order = 0;  // 0 none, 1 deltas, 2 delta-deltas too
  int64_t width = 2;  // frames on each side
};

using FrameSink = std::function<void(std::span<const float>)>;

// A stream of frames of `features` values in, of features * (order + 1) values out, order * width frames
// later.
class DeltaFeatures {
 public:
  // Throws Error (place: "deltas") unless 0 <= order <= 2 and 1 <= width <= 100.
  DeltaFeatures(const DeltaFeatureOptions& options, int64_t features);
  void push(std::span<const float> frame, const FrameSink& out);
  void finish(const FrameSink& out);
  void reset();

 private:
  std::span<float> row(int64_t level, int64_t index);
  void advance(bool finished, const FrameSink& out);
  void regress(int64_t level, int64_t index);

  DeltaFeatureOptions options_;
  int64_t features_, capacity_;
  std::vector<float> rings_;     // [order + 1, capacity, features]
  std::vector<int64_t> counts_;  // rows known of each level
  int64_t emitted_ = 0;
  std::vector<float> joined_;
};

}  // namespace deltahop
