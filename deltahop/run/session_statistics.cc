// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/session_statistics.h"

#include <algorithm>
#include <cmath>

namespace deltahop {
namespace {

double share(int64_t part, int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

double StreamStatistics::sparsity() const { return steps == 0 ? 0.0 : 1.0 - share(sent, dense_columns()); }

int64_t SessionStatistics::dense_bytes() const {
  int64_t sum = 0;
  for (const StreamStatistics& each : streams) sum += each.dense_bytes();
  return sum;
}

int64_t SessionStatistics::sent_bytes() const {
  int64_t sum = 0;
  for (const StreamStatistics& each : streams) sum += each.sent_bytes();
  return sum;
}

int64_t SessionStatistics::read_bytes() const {
  int64_t sum = 0;
  for (const StreamStatistics& each : streams) sum += each.read_bytes();
  return sum;
}

double SessionStatistics::sparsity() const {
  int64_t dense = 0, sent = 0;
  for (const StreamStatistics& each : streams) {
    if (!each.is_delta) continue;
    dense += each.dense_bytes();
    sent += each.sent_bytes();
  }
  return dense == 0 ? 0.0 : 1.0 - share(sent, dense);
}

void LatencyRecorder::add(double seconds) {
  const double nanoseconds = std::max(1.0, seconds * 1e9);
  const int octave = std::min(kOctaves - 1, std::ilogb(nanoseconds));
  const double part = std::scalbn(nanoseconds, -octave) - 1.0;  // in [0, 1)
  const int index = octave * kParts + std::clamp(static_cast<int>(part * kParts), 0, kParts - 1);
  ++counts_[static_cast<size_t>(index)];
  ++steps_;
  sum_s_ += seconds;
  max_s_ = std::max(max_s_, seconds);
}

// The middle of the bucket that holds the value of this rank.
double LatencyRecorder::quantile(double fraction) const {
  const auto rank =
      std::max<int64_t>(1, static_cast<int64_t>(std::ceil(fraction * static_cast<double>(steps_))));
  int64_t below = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    below += counts_[i];
    if (below < rank) continue;
    const double part = (static_cast<double>(i % kParts) + 0.5) / kParts;
    const double middle = std::scalbn(1.0 + part, static_cast<int>(i / kParts)) * 1e-9;
    return std::min(middle, max_s_);
  }
  return max_s_;
}

LatencySummary LatencyRecorder::summary() const {
  if (steps_ == 0) return {};
  return {steps_, quantile(0.5), quantile(0.99), max_s_, sum_s_ / static_cast<double>(steps_)};
}

}  // namespace deltahop
