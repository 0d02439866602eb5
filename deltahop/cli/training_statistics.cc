// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/training_statistics.h"

#include <algorithm>
#include <cmath>

namespace deltahop {

std::optional<double> value_in(const TrainingMetrics& metrics, const std::string& name) {
  const auto found = metrics.find(name);
  return found == metrics.end() ? std::nullopt : std::optional(found->second);
}

Spread spread_of(const std::vector<double>& values) {
  Spread spread;
  for (const double value : values) spread.mean += value / static_cast<double>(values.size());
  for (const double value : values) spread.deviation += (value - spread.mean) * (value - spread.mean);
  spread.deviation =
      values.size() > 1 ? std::sqrt(spread.deviation / static_cast<double>(values.size() - 1)) : 0.0;
  spread.lowest = *std::min_element(values.begin(), values.end());
  spread.highest = *std::max_element(values.begin(), values.end());
  return spread;
}

std::vector<double> values_of(const std::vector<TrainingRecord>& records, const std::string& variant,
                              const std::string& metric) {
  std::vector<double> values;
  for (const TrainingRecord& record : records) {
    const auto value = value_in(record.metrics, metric);
    if (record.job.variant == variant && value) values.push_back(*value);
  }
  return values;
}

std::optional<double> mean_of(const std::vector<TrainingRecord>& records, const std::string& variant,
                              const std::string& metric) {
  const std::vector<double> values = values_of(records, variant, metric);
  return values.empty() ? std::nullopt : std::optional(spread_of(values).mean);
}

std::vector<std::string> variants_in(const std::vector<TrainingRecord>& records) {
  std::vector<std::string> names;
  for (const TrainingRecord& record : records) {
    if (std::find(names.begin(), names.end(), record.job.variant) == names.end())
      names.push_back(record.job.variant);
  }
  return names;
}

}  // namespace deltahop
