// SPDX-License-Identifier: Apache-2.0
// Metrics of several trainings by variant: means and spreads over seeds and folds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "deltahop/cli/training_report.h"

namespace deltahop {

std::optional<double> value_in(const TrainingMetrics& metrics, const std::string& name);

struct Spread {
  double mean = 0.0, deviation = 0.0, lowest = 0.0, highest = 0.0;
};
// deviation: of the sample; 0 for a single one. values: at least one.
Spread spread_of(const std::vector<double>& values);

// Of all seeds and folds of a variant.
std::vector<double> values_of(const std::vector<TrainingRecord>& records, const std::string& variant,
                              const std::string& metric);
std::optional<double> mean_of(const std::vector<TrainingRecord>& records, const std::string& variant,
                              const std::string& metric);
// In the order of the trainings.
std::vector<std::string> variants_in(const std::vector<TrainingRecord>& records);

}  // namespace deltahop
