// SPDX-License-Identifier: Apache-2.0
// Accuracy and weights read of delta networks against the threshold, over variants, seeds and folds: what
// trainings report under "exact_accuracy_at_<threshold>".
#pragma once

#include <optional>
#include <vector>

#include "deltahop/cli/training_report.h"

namespace deltahop {

// A row a variant and threshold, its own first (an empty cell); absent where nothing was tested at
// thresholds.
std::optional<FindingsTable> thresholds_table(const std::vector<TrainingRecord>& records);
// Accuracy over the thresholds, a series a variant.
std::optional<Chart> thresholds_chart(const std::vector<TrainingRecord>& records);

}  // namespace deltahop
