// SPDX-License-Identifier: Apache-2.0
// Where a training stands, beside its tensors: what a checkpoint keeps as JSON text. Private to train/.
#pragma once

#include <string>
#include <vector>

#include "deltahop/train/event.h"
#include "deltahop/train/optimizer.h"

namespace deltahop {

struct ProgressNumbers {
  int64_t epoch = 0, batch = 0, epochs = 0;                // the next step is this batch of this epoch
  double loss = 0.0, cost = 0.0, right = 0.0, seen = 0.0;  // sums over the epoch so far
  bool has_best = false;
  double best_accuracy = 0.0, best_loss = 0.0;
  Schedule::State schedule;
  std::string hooks, curriculum;
  std::vector<EpochRecord> history;
};

// Every number comes back bit for bit.
std::string text_of(const ProgressNumbers& numbers);
// Throws Error (place: "checkpoint") on other text.
ProgressNumbers progress_numbers(const std::string& text);

}  // namespace deltahop
