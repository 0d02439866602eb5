// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/threshold_report.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include <fmt/format.h>

namespace deltahop {
namespace {

constexpr std::string_view kAccuracy = "exact_accuracy", kRead = "exact_read_weights_fraction", kAt = "_at_";

std::vector<double> thresholds_in(const std::vector<TrainingRecord>& records) {
  std::vector<double> thresholds;
  const std::string prefix = std::string(kAccuracy) + std::string(kAt);
  for (const TrainingRecord& record : records) {
    for (const auto& [name, value] : record.metrics) {
      if (!name.starts_with(prefix)) continue;
      double theta = 0;
      const auto [end, fault] =
          std::from_chars(name.data() + prefix.size(), name.data() + name.size(), theta);
      if (fault == std::errc{} && end == name.data() + name.size()) thresholds.push_back(theta);
    }
  }
  std::sort(thresholds.begin(), thresholds.end());
  thresholds.erase(std::unique(thresholds.begin(), thresholds.end()), thresholds.end());
  return thresholds;
}

std::vector<std::string> variants_in(const std::vector<TrainingRecord>& records) {
  std::vector<std::string> variants;
  for (const TrainingRecord& record : records)
    if (std::find(variants.begin(), variants.end(), record.job.variant) == variants.end())
      variants.push_back(record.job.variant);
  return variants;
}

struct Mean {
  double mean = 0, deviation = 0;
  int64_t count = 0;
};

std::optional<Mean> mean_of(const std::vector<TrainingRecord>& records, const std::string& variant,
                            const std::string& metric) {
  std::vector<double> values;
  for (const TrainingRecord& record : records) {
    const auto found = record.metrics.find(metric);
    if (record.job.variant == variant && found != record.metrics.end()) values.push_back(found->second);
  }
  if (values.empty()) return std::nullopt;
  Mean result{0, 0, std::ssize(values)};
  for (const double value : values) result.mean += value / static_cast<double>(values.size());
  for (const double value : values) result.deviation += (value - result.mean) * (value - result.mean);
  result.deviation =
      values.size() > 1 ? std::sqrt(result.deviation / static_cast<double>(values.size() - 1)) : 0;
  return result;
}

void add_row(FindingsTable& table, const std::vector<TrainingRecord>& records, const std::string& variant,
             std::optional<double> theta) {
  const std::string at = theta ? fmt::format("{}{}", kAt, *theta) : "";
  const auto accuracy = mean_of(records, variant, std::string(kAccuracy) + at);
  const auto read = mean_of(records, variant, std::string(kRead) + at);
  if (!accuracy || !read) return;
  table.rows.push_back({variant, theta ? fmt::format("{}", *theta) : std::string("its own"), accuracy->mean,
                        accuracy->deviation, read->mean, 1 / read->mean,
                        static_cast<double>(accuracy->count)});
}

}  // namespace

std::optional<FindingsTable> thresholds_table(const std::vector<TrainingRecord>& records) {
  const std::vector<double> thresholds = thresholds_in(records);
  if (thresholds.empty()) return std::nullopt;
  FindingsTable table{
      "thresholds",
      "Accuracy against the threshold",
      "Of inputs and states alike, in the integers of the exported network, on the test examples.",
      {{"variant", "variant", NumberStyle::plain, true},
       {"threshold", "threshold", NumberStyle::plain, true},
       {"accuracy_mean", "accuracy", NumberStyle::percent},
       {"accuracy_deviation", "deviation", NumberStyle::percent},
       {"read_weights_fraction", "weights read", NumberStyle::percent},
       {"fewer_reads", "times fewer", NumberStyle::ratio},
       {"trainings", "trainings", NumberStyle::count}},
      {}};
  for (const std::string& variant : variants_in(records)) {
    add_row(table, records, variant, std::nullopt);
    for (const double theta : thresholds) add_row(table, records, variant, theta);
  }
  return table;
}

std::optional<Chart> thresholds_chart(const std::vector<TrainingRecord>& records) {
  const std::vector<double> thresholds = thresholds_in(records);
  if (thresholds.empty()) return std::nullopt;
  constexpr size_t kColours = 8;
  Chart chart{"thresholds",
              "Accuracy against the threshold",
              "The mean over seeds and folds, in the integers of the exported network.",
              "accuracy",
              Chart::Kind::points,
              ChartUnit::fraction,
              {},
              {},
              "threshold"};
  for (const double theta : thresholds) chart.labels.push_back(fmt::format("{}", theta));
  for (const std::string& variant : variants_in(records)) {
    if (chart.series.size() == kColours) break;
    ChartSeries series{variant.empty() ? "as it is" : variant, static_cast<int>(chart.series.size()), {}};
    for (const double theta : thresholds) {
      const auto mean = mean_of(records, variant, fmt::format("{}{}{}", kAccuracy, kAt, theta));
      series.values.push_back(mean ? std::optional(mean->mean) : std::nullopt);
    }
    chart.series.push_back(std::move(series));
  }
  return chart;
}

}  // namespace deltahop
