// SPDX-License-Identifier: Apache-2.0
// Which thresholds of a delta network save the most bytes for the least harm: a greedy search that always
// raises the threshold whose next step saves most per harm done. What a set of thresholds costs is the
// caller's to measure; every run of the search is bounded by the number of measurements.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "deltahop/base/progress.h"
#include "deltahop/network/delta_thresholds.h"

namespace deltahop {

enum class ThresholdKind : uint8_t { input, hidden, reset_hidden };

// One threshold that may be raised, level after level, from 0 on.
struct TunedThreshold {
  std::string node;
  ThresholdKind kind = ThresholdKind::input;
  std::vector<double> levels;  // rising, all above 0
};
// Levels for values up to `range`: from 1/256 of it, doubling, from 1/32 on by the root of two, to all of it.
std::vector<double> threshold_levels(double range);

struct TuneCost {
  double bytes = 0;       // what is to fall
  double loss = 0;        // what is bounded: a loss of accuracy, or an error
  double difference = 0;  // what harm is weighed by: finer than a count of wrong answers
};

struct TunePoint {
  ThresholdTable thresholds;
  TuneCost cost;
};

struct TuneOptions {
  double max_loss = 0;
  int64_t max_measurements = 200;
};

// The points in the order in which they were reached, the first with all thresholds at 0.
std::vector<TunePoint> tune_thresholds(const std::vector<TunedThreshold>& thresholds,
                                       const std::function<TuneCost(const ThresholdTable&)>& measure,
                                       const TuneOptions& options, const Progress& progress);

// Those than which no other point has both fewer bytes and no larger difference; bytes fall along the list.
std::vector<TunePoint> pareto_front(std::vector<TunePoint> points);

}  // namespace deltahop
