// SPDX-License-Identifier: Apache-2.0
#include "deltahop/signal/normalize.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

void spread(std::vector<double>& values, size_t features, const char* what) {
  if (values.size() == 1) values.resize(features, values[0]);
  if (values.size() != features)
    throw Error("normalization", fmt::format("{} {} for {} features", values.size(), what, features),
                "give one, or one a feature");
}

}  // namespace

const std::vector<std::string>& normalization_names() {
  static const std::vector<std::string> names = {"none", "fixed", "whole", "running"};
  return names;
}

Normalizer::Normalizer(const NormalizeOptions& options, int64_t features)
    : options_(options), features_(static_cast<size_t>(features)), scaled_(features_) {
  if (options.horizon_frames < 0 || (options.horizon_frames > 0 && options.horizon_frames < 1))
    throw Error("normalization", fmt::format("a horizon of {} frames", options.horizon_frames),
                "take 0, or at least 1");
  if (!(options.smallest_deviation > 0))
    throw Error("normalization", "the smallest deviation is not above 0", "1e-5 is usual");
  if (options.kind == Normalization::fixed) {
    spread(options_.means, features_, "means");
    if (options.variance) spread(options_.deviations, features_, "deviations");
  }
  reset();
}

void Normalizer::reset() {
  seen_ = 0;
  mean_.assign(features_, 0.0);
  variance_.assign(features_, 0.0);
  kept_.clear();
  if (options_.kind != Normalization::fixed) return;
  mean_ = options_.means;
  if (!options_.variance) return;
  for (size_t f = 0; f < features_; ++f) variance_[f] = options_.deviations[f] * options_.deviations[f];
}

// Means over frames that come one by one [Welford1962]; with a horizon the newest always weighs 1/horizon.
void Normalizer::observe(std::span<const float> frame) {
  ++seen_;
  double weight = 1.0 / static_cast<double>(seen_);
  if (options_.horizon_frames > 0) weight = std::max(weight, 1.0 / options_.horizon_frames);
  for (size_t f = 0; f < features_; ++f) {
    const double difference = static_cast<double>(frame[f]) - mean_[f];
    mean_[f] += weight * difference;
    variance_[f] = (1 - weight) * (variance_[f] + weight * difference * difference);
  }
}

void Normalizer::emit(std::span<const float> frame, const FrameSink& out) {
  for (size_t f = 0; f < features_; ++f) {
    double value = static_cast<double>(frame[f]) - mean_[f];
    if (options_.variance) value /= std::max(std::sqrt(variance_[f]), options_.smallest_deviation);
    scaled_[f] = static_cast<float>(value);
  }
  out(scaled_);
}

void Normalizer::push(std::span<const float> frame, const FrameSink& out) {
  DELTAHOP_CHECK(frame.size() == features_);
  switch (options_.kind) {
    case Normalization::none:
      return out(frame);
    case Normalization::fixed:
      return emit(frame, out);
    case Normalization::running:
      observe(frame);
      return emit(frame, out);
    case Normalization::whole:
      observe(frame);
      kept_.insert(kept_.end(), frame.begin(), frame.end());
  }
}

void Normalizer::finish(const FrameSink& out) {
  for (size_t start = 0; start < kept_.size(); start += features_)
    emit(std::span(kept_).subspan(start, features_), out);
  reset();
}

}  // namespace deltahop
