// SPDX-License-Identifier: Apache-2.0
// ACCAN [Braun2017]: the range of signal-to-noise ratios in training grows by stages like an accordion, each
// left when the validation has stopped getting better, and the next one starts from the best weights of the
// one before.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "deltahop/recipe/data_section.h"

namespace deltahop {

class SnrCurriculum {
 public:
  explicit SnrCurriculum(const GrowingRatios& rule) : rule_(rule) {}

  // The ratios of this stage, the first one last: stage 0 {from}, stage 1 {from + step, from}, ...
  std::vector<double> snr_dB() const;
  int64_t stage() const { return stage_; }
  bool is_last() const;
  bool finished() const { return finished_; }

  enum class Advice {
    keep,       // the best weights of the stage so far: keep them
    go_on,      // no better
    next_stage  // the range has grown (or, after the last stage, the training is over): take the kept weights
  };
  // After an epoch; a larger metric is better (accuracy, or the loss with its sign turned).
  Advice observe(double metric);

  // For checkpoints. Throws Error (place: "curriculum") on other text.
  std::string state() const;
  void restore(std::string_view state);

 private:
  GrowingRatios rule_;
  int64_t stage_ = 0, waited_ = 0;
  bool has_best_ = false, finished_ = false;
  double best_ = 0;
};

}  // namespace deltahop
