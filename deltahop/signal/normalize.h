// SPDX-License-Identifier: Apache-2.0
// Mean and variance normalisation of features, value by value.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "deltahop/signal/deltas.h"

namespace deltahop {

enum class Normalization : uint8_t {
  none,
  fixed,   // by given means and deviations
  whole,   // by those of the whole file: a stream gives nothing before its end
  running  // by those of the frames so far, the current one included
};
const std::vector<std::string>& normalization_names();

struct NormalizeOptions {
  Normalization kind = Normalization::none;
  bool variance = true;                             // false: only the mean is taken off
  std::vector<double> means = {}, deviations = {};  // fixed: one value, or one a feature
  // running: 0 weighs all frames alike; n > 0 forgets, each frame weighing 1 - 1/n of the next.
  double horizon_frames = 0;
  double smallest_deviation = 1e-5;
};

class Normalizer {
 public:
  // Throws Error (place: "normalization") where means or deviations do not fit.
  Normalizer(const NormalizeOptions& options, int64_t features);
  void push(std::span<const float> frame, const FrameSink& out);
  void finish(const FrameSink& out);
  void reset();

 private:
  void observe(std::span<const float> frame);
  void emit(std::span<const float> frame, const FrameSink& out);

  NormalizeOptions options_;
  size_t features_;
  int64_t seen_ = 0;
  std::vector<double> mean_, variance_;
  std::vector<float> kept_;  // whole: every frame so far
  std::vector<float> scaled_;
};

}  // namespace deltahop
