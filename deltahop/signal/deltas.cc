// SPDX-License-Identifier: Apache-2.0
// Level 0 holds the features, level 1 their deltas, level 2 the deltas of those; each is a ring of the last
// rows. A row of level k can be had once level k-1 knows `width` rows more, or has ended.
#include "deltahop/signal/deltas.h"

#include <algorithm>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {

DeltaFeatures::DeltaFeatures(const DeltaFeatureOptions& options, int64_t features)
    : options_(options), features_(features) {
  if (options.order < 0 || options.order > 2 || options.width < 1 || options.width > 100)
    throw Error("deltas", fmt::format("order {} and width {}", options.order, options.width),
                "the order is 0, 1 or 2, the width between 1 and 100 frames");
  // The oldest row that is still read lies `width` before the row that leaves, which is order * width late.
  capacity_ = options.order == 0 ? 1 : (options.order + 2) * options.width + 2;
  const auto levels = static_cast<size_t>(options.order + 1);
  constexpr int64_t kMostValues = int64_t{1} << 26;
  if (options.order > 0 && features * capacity_ > kMostValues)
    throw Error("deltas", fmt::format("of {} features over {} frames", features, options.width),
                "take a smaller width or fewer features");
  rings_.resize(levels * static_cast<size_t>(capacity_ * features));
  joined_.resize(levels * static_cast<size_t>(features));
  counts_.resize(levels);
}

void DeltaFeatures::reset() {
  std::fill(counts_.begin(), counts_.end(), 0);
  emitted_ = 0;
}

std::span<float> DeltaFeatures::row(int64_t level, int64_t index) {
  const int64_t place = (level * capacity_ + index % capacity_) * features_;
  return std::span(rings_).subspan(static_cast<size_t>(place), static_cast<size_t>(features_));
}

void DeltaFeatures::push(std::span<const float> frame, const FrameSink& out) {
  DELTAHOP_CHECK(static_cast<int64_t>(frame.size()) == features_);
  std::copy(frame.begin(), frame.end(), row(0, counts_[0]).begin());
  ++counts_[0];
  advance(false, out);
}

void DeltaFeatures::finish(const FrameSink& out) {
  advance(true, out);
  reset();
}

void DeltaFeatures::regress(int64_t level, int64_t index) {
  const int64_t last = counts_[static_cast<size_t>(level - 1)] - 1;
  double norm = 0;
  for (int64_t n = 1; n <= options_.width; ++n) norm += 2 * static_cast<double>(n * n);
  const auto target = row(level, index);
  for (size_t f = 0; f < target.size(); ++f) {
    double sum = 0;
    for (int64_t n = 1; n <= options_.width; ++n) {
      const double after = row(level - 1, std::min(index + n, last))[f];
      const double before = row(level - 1, std::max<int64_t>(index - n, 0))[f];
      sum += static_cast<double>(n) * (after - before);
    }
    target[f] = static_cast<float>(sum / norm);
  }
}

void DeltaFeatures::advance(bool finished, const FrameSink& out) {
  const int64_t order = options_.order;
  const int64_t known = counts_[0];
  for (bool moved = true; moved;) {
    moved = false;
    for (int64_t level = 1; level <= order; ++level) {
      const int64_t index = counts_[static_cast<size_t>(level)];
      const int64_t below = counts_[static_cast<size_t>(level - 1)];
      const bool whole = finished && below == known;  // the level below has ended
      if (index >= known || (!whole && index + options_.width >= below)) continue;
      regress(level, index);
      ++counts_[static_cast<size_t>(level)];
      moved = true;
    }
    if (emitted_ < counts_[static_cast<size_t>(order)]) {
      for (int64_t level = 0; level <= order; ++level) {
        const auto values = row(level, emitted_);
        std::copy(values.begin(), values.end(), joined_.begin() + level * features_);
      }
      ++emitted_;
      out(joined_);
      moved = true;
    }
  }
}

}  // namespace deltahop
