// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/curriculum.h"

#include <cmath>
#include <sstream>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {

std::vector<double> SnrCurriculum::snr_dB() const {
  const double direction = rule_.to < rule_.from ? -1 : 1;
  std::vector<double> ratios;
  for (int64_t i = stage_; i >= 0; --i)
    ratios.push_back(rule_.from + direction * rule_.step * static_cast<double>(i));
  return ratios;
}

bool SnrCurriculum::is_last() const {
  // The next ratio would lie beyond the end; a hair is for steps such as 0.1.
  return static_cast<double>(stage_ + 1) * rule_.step > std::abs(rule_.to - rule_.from) + 1e-9;
}

SnrCurriculum::Advice SnrCurriculum::observe(double metric) {
  if (!has_best_ || metric > best_) {
    has_best_ = true;
    best_ = metric;
    waited_ = 0;
    return Advice::keep;
  }
  if (++waited_ <= rule_.patience) return Advice::go_on;
  if (is_last()) {
    finished_ = true;
  } else {
    ++stage_;
  }
  has_best_ = false;  // the next stage validates on other noise
  waited_ = 0;
  return Advice::next_stage;
}

std::string SnrCurriculum::state() const {
  return fmt::format("{} {} {} {} {}", stage_, waited_, has_best_ ? 1 : 0, finished_ ? 1 : 0, best_);
}

void SnrCurriculum::restore(std::string_view state) {
  std::istringstream in{std::string(state)};
  int has_best = 0, finished = 0;
  SnrCurriculum read(rule_);
  in >> read.stage_ >> read.waited_ >> has_best >> finished >> read.best_;
  if (in.fail() || read.stage_ < 0 || read.waited_ < 0)
    throw Error("curriculum", fmt::format("'{}' is no saved state", state));
  read.has_best_ = has_best != 0;
  read.finished_ = finished != 0;
  *this = read;
}

}  // namespace deltahop
