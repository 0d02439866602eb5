// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/training_report.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

#include "deltahop/cli/training_statistics.h"

#include "deltahop/cli/threshold_report.h"

namespace deltahop {
namespace {

constexpr int kColours = 6;
constexpr size_t kMostSeries = 12;  // of a chart of layers

NumberStyle style_of_metric(const std::string& name) {
  if (name.ends_with("accuracy") || name.ends_with("_fraction")) return NumberStyle::percent;
  if (name.ends_with("_macs")) return NumberStyle::count;
  return NumberStyle::rounded;
}

std::string words_of(std::string name) {
  if (name.ends_with("_macs_fraction")) name.replace(name.size() - 9, 9, ", share");
  if (name.ends_with("_fraction")) name.resize(name.size() - 9);
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

void push(std::vector<FindingsCell>& row, const std::optional<double>& value) {
  if (value)
    row.emplace_back(*value);
  else
    row.emplace_back();
}

Chart curve(const std::string& id, const std::string& title, const std::string& caption,
            const std::string& axis, ChartUnit unit, const TrainingRecord& record,
            const std::vector<std::pair<std::string, std::string>>& series) {
  Chart chart{id, title, caption, axis, Chart::Kind::points, unit, {}, {}, "epoch"};
  for (const TrainingEvent& epoch : record.epochs) chart.labels.push_back(fmt::format("{}", epoch.epoch + 1));
  for (const auto& [metric, name] : series) {
    ChartSeries one{name, static_cast<int>(chart.series.size()) % kColours, {}};
    for (const TrainingEvent& epoch : record.epochs) one.values.push_back(value_in(epoch.metrics, metric));
    const auto known = [](const std::optional<double>& value) { return value.has_value(); };
    if (std::any_of(one.values.begin(), one.values.end(), known)) chart.series.push_back(std::move(one));
  }
  return chart;
}

// All metrics of this ending, by what stands before it.
std::vector<std::pair<std::string, std::string>> series_ending(const TrainingRecord& record,
                                                               const std::string& ending) {
  std::set<std::string> names;
  for (const TrainingEvent& epoch : record.epochs) {
    for (const auto& [name, value] : epoch.metrics)
      if (name.ends_with(ending)) names.insert(name);
  }
  std::vector<std::pair<std::string, std::string>> series;
  for (const std::string& name : names) {
    if (series.size() < kMostSeries) series.emplace_back(name, name.substr(0, name.size() - ending.size()));
  }
  return series;
}

std::vector<Chart> charts_of(const TrainingRecord& record) {
  std::vector<Chart> charts = {
      curve("loss", "Loss", "On the training examples as they went by, and on those held out.", "loss",
            ChartUnit::ratio, record,
            {{"loss", "training"}, {"validation_loss", "validation"}, {"cost", "cost of the constraints"}}),
      curve("accuracy", "Accuracy", "The share of right answers.", "accuracy", ChartUnit::fraction, record,
            {{"accuracy", "training"}, {"validation_accuracy", "validation"}})};
  charts.push_back(curve("sparsity", "Zeros in the activations",
                         "The share of zeros in what each layer hands on, on the validation examples.",
                         "zeros", ChartUnit::fraction, record, series_ending(record, ".zeros_fraction")));
  std::vector<std::pair<std::string, std::string>> others;
  for (const auto& [metric, name] : series_ending(record, "_fraction")) {
    if (!metric.ends_with(".zeros_fraction")) others.emplace_back(metric, words_of(metric));
  }
  charts.push_back(curve("shares", "What is still sent and read",
                         "Of all columns and weights, on the validation examples.", "share",
                         ChartUnit::fraction, record, others));
  std::erase_if(charts, [](const Chart& chart) { return chart.series.empty(); });
  return charts;
}

FindingsTable epochs_table(const TrainingRecord& record) {
  FindingsTable table{"epochs", "Epoch by epoch", "", {{"epoch", "epoch", NumberStyle::plain}}, {}};
  std::set<std::string> shown = {"loss", "accuracy", "validation_loss", "validation_accuracy",
                                 "learning_rate"},
                        names;
  for (const TrainingEvent& epoch : record.epochs) {
    for (const auto& [name, value] : epoch.metrics) names.insert(name);
  }
  for (const std::string& name : names)
    table.columns.push_back({name, words_of(name), style_of_metric(name), false, shown.count(name) == 0});
  table.columns.push_back({"seconds", "time", NumberStyle::seconds});
  table.columns.push_back({"memory_MiB", "memory (MiB)", NumberStyle::rounded, false, true});
  table.columns.push_back({"best", "", NumberStyle::plain, true});
  for (const TrainingEvent& epoch : record.epochs) {
    std::vector<FindingsCell> row = {static_cast<double>(epoch.epoch + 1)};
    for (const std::string& name : names) {
      push(row, value_in(epoch.metrics, name));
    }
    row.emplace_back(epoch.seconds);
    row.emplace_back(epoch.memory_MiB);
    row.emplace_back(std::string(epoch.best ? "best" : ""));
    table.rows.push_back(std::move(row));
  }
  return table;
}

// Figures of single layers have a dot; plain counts are for files.
bool is_for_people(const std::string& name) {
  return name.find('.') == std::string::npos &&
         (name == "loss" || name.ends_with("accuracy") || name.ends_with("_fraction"));
}

// "test_loss": test, loss; "conv1.exact_zeros": exact, conv1.zeros.
std::pair<std::string, std::string> part_and_name(const std::string& metric) {
  const size_t exact = metric.find("exact_");
  if (exact != std::string::npos) return {"exact", metric.substr(0, exact) + metric.substr(exact + 6)};
  const size_t end = metric.find('_');
  return {metric.substr(0, end), metric.substr(end + 1)};
}

FindingsTable result_table(const TrainingRecord& record) {
  FindingsTable table{"exported",
                      "The exported network",
                      "A file with number formats is tested in their integers.",
                      {{"part", "", NumberStyle::plain, true}},
                      {}};
  std::set<std::string> names;
  std::map<std::string, TrainingMetrics> parts;
  for (const auto& [metric, value] : record.metrics) {
    const auto [part, name] = part_and_name(metric);
    names.insert(name);
    parts[part][name] = value;
  }
  for (const std::string& name : names)
    table.columns.push_back({name, words_of(name), style_of_metric(name), false, !is_for_people(name)});
  // "exact": the file that was written, in integers. Where it is tested in nothing else, that is one row.
  if (parts.count("exact") > 0 && parts["test"].count("loss") == 0) {
    parts["test"].merge(parts["exact"]);
    parts.erase("exact");
  }
  for (const std::string part : {"validation", "test", "exact"}) {
    if (parts.count(part) == 0) continue;
    std::vector<FindingsCell> row = {part == "exact" ? std::string("test, in integers") : part};
    for (const std::string& name : names) push(row, value_in(parts.at(part), name));
    table.rows.push_back(std::move(row));
  }
  return table;
}

// The figures that stand for a whole network: those of single layers have a dot.
std::set<std::string> overall_metrics(const std::vector<TrainingRecord>& records) {
  std::set<std::string> names;
  for (const TrainingRecord& record : records) {
    for (const auto& [name, value] : record.metrics) {
      const bool tested = name.starts_with("test_") && name != "test_loss";
      const bool exact =
          name == "exact_accuracy" || (name.starts_with("exact_") && name.ends_with("_fraction"));
      if (exact && value_in(record.metrics, "test_" + name.substr(6)) == value) continue;  // said already
      if ((tested || exact) && name.find('.') == std::string::npos) names.insert(name);
    }
  }
  return names;
}

FindingsTable variants_table(const std::vector<TrainingRecord>& records) {
  FindingsTable table{
      "variants",
      "Variant by variant",
      "Mean and standard deviation over seeds and folds, on the test examples; of files with number formats "
      "in their integers.",
      {{"variant", "variant", NumberStyle::plain, true}, {"trainings", "trainings", NumberStyle::plain}},
      {}};
  const std::set<std::string> metrics = overall_metrics(records);
  for (const std::string& name : metrics) {
    const std::string words = words_of(name.starts_with("test_") ? name.substr(5) : name);
    const NumberStyle style = style_of_metric(name);
    table.columns.push_back({name + "_mean", words, style});
    table.columns.push_back({name + "_deviation", "+-", style});
    table.columns.push_back({name + "_lowest", "lowest", style, false, true});
    table.columns.push_back({name + "_highest", "highest", style, false, true});
  }
  for (const std::string& variant : variants_in(records)) {
    const auto count = std::count_if(records.begin(), records.end(),
                                     [&](const auto& one) { return one.job.variant == variant; });
    std::vector<FindingsCell> row = {variant.empty() ? std::string("as it is") : variant,
                                     static_cast<double>(count)};
    for (const std::string& name : metrics) {
      const std::vector<double> values = values_of(records, variant, name);
      if (values.empty()) {
        for (int i = 0; i < 4; ++i) row.emplace_back();
        continue;
      }
      const Spread spread = spread_of(values);
      for (const double value : {spread.mean, spread.deviation, spread.lowest, spread.highest})
        row.emplace_back(value);
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

FindingsTable trainings_table(const std::vector<TrainingRecord>& records) {
  FindingsTable table{"trainings",
                      "Every training",
                      "",
                      {{"variant", "variant", NumberStyle::plain, true}, {"seed", "seed"}, {"fold", "fold"}},
                      {}};
  std::set<std::string> names;
  for (const TrainingRecord& record : records)
    for (const auto& [name, value] : record.metrics) names.insert(name);
  const std::set<std::string> overall = overall_metrics(records);
  for (const std::string& name : names)
    table.columns.push_back({name, words_of(name), style_of_metric(name), false, overall.count(name) == 0});
  table.columns.push_back({"seconds", "time", NumberStyle::seconds});
  for (const TrainingRecord& record : records) {
    std::vector<FindingsCell> row = {record.job.variant, static_cast<double>(record.job.seed),
                                     static_cast<double>(record.job.fold)};
    for (const std::string& name : names) {
      push(row, value_in(record.metrics, name));
    }
    double seconds = 0.0;
    for (const TrainingEvent& epoch : record.epochs) seconds += epoch.seconds;
    row.emplace_back(seconds);
    table.rows.push_back(std::move(row));
  }
  return table;
}

// Zeros of each layer, variant by variant: [Aimar2019] figure 4 for our networks.
Chart zeros_chart(const std::vector<TrainingRecord>& records) {
  const std::string prefix = "test_", ending = ".zeros_fraction";
  Chart chart{"zeros",
              "Zeros in the activations of each layer",
              "The share of zeros in what each layer hands on, on the test examples.",
              "zeros",
              Chart::Kind::points,
              ChartUnit::fraction,
              variants_in(records),
              {},
              "variant"};
  std::set<std::string> metrics;
  for (const TrainingRecord& record : records) {
    for (const auto& [name, value] : record.metrics)
      if (name.starts_with(prefix) && name.ends_with(ending)) metrics.insert(name);
  }
  for (const std::string& metric : metrics) {
    const std::string layer = metric.substr(prefix.size(), metric.size() - prefix.size() - ending.size());
    ChartSeries series{layer, static_cast<int>(chart.series.size()) % kColours, {}};
    for (const std::string& variant : chart.labels)
      series.values.push_back(mean_of(records, variant, metric));
    // What has no ReLU has no zeros to speak of, and a reshaped copy says nothing new.
    const auto some = [](const std::optional<double>& value) { return value && *value > 0.05; };
    const auto same = [&](const ChartSeries& other) { return other.values == series.values; };
    if (std::any_of(series.values.begin(), series.values.end(), some) &&
        std::none_of(chart.series.begin(), chart.series.end(), same) && chart.series.size() < kMostSeries)
      chart.series.push_back(std::move(series));
  }
  return chart;
}

// From the fewest executed MACs to the most.
Chart macs_chart(const std::vector<TrainingRecord>& records) {
  Chart chart{
      "macs",
      "Accuracy against executed multiplications",
      "Both on the test examples; multiplications as a share of all, zeros in the activations left out.",
      "accuracy",
      Chart::Kind::points,
      ChartUnit::fraction,
      {},
      {{"test accuracy", 0, {}}},
      "executed multiplications"};
  std::vector<std::pair<double, std::string>> order;
  for (const std::string& variant : variants_in(records)) {
    if (const auto share = mean_of(records, variant, "test_executed_macs_fraction"))
      order.emplace_back(*share, variant);
  }
  std::sort(order.begin(), order.end());
  for (const auto& [share, variant] : order) {
    chart.labels.push_back(fmt::format("{} {}", styled(share, NumberStyle::percent), variant));
    chart.series[0].values.push_back(mean_of(records, variant, "test_accuracy"));
  }
  return chart;
}

}  // namespace

Findings findings_of(const Recipe& recipe, const TrainingRecord& record) {
  Findings findings;
  findings.title = fmt::format("Training of {}{}{}", recipe.name, record.job.variant.empty() ? "" : ", ",
                               record.job.variant);
  findings.command = "train";
  double seconds = 0.0, memory = 0.0;
  for (const TrainingEvent& epoch : record.epochs) {
    seconds += epoch.seconds;
    memory = std::max(memory, epoch.memory_MiB);
  }
  const auto accuracy = value_in(record.metrics, "test_accuracy");
  if (accuracy)
    findings.lead = fmt::format("{} of the test examples are right after {} epochs.",
                                styled(*accuracy, NumberStyle::percent), record.epochs.size());
  findings.figures = {
      {"test_accuracy", "test accuracy", accuracy, NumberStyle::percent, ""},
      {"validation_accuracy", "validation accuracy", value_in(record.metrics, "validation_accuracy"),
       NumberStyle::percent, ""},
      {"epochs", "epochs", static_cast<double>(record.epochs.size()), NumberStyle::plain, ""},
      {"training_s", "time", seconds, NumberStyle::seconds,
       record.epochs.empty()
           ? ""
           : fmt::format("{} an epoch",
                         styled(seconds / static_cast<double>(record.epochs.size()), NumberStyle::seconds))},
      {"memory_MiB", "memory (MiB)", memory, NumberStyle::rounded,
       "resident, at most, at the end of an epoch"}};
  findings.tables = {epochs_table(record), result_table(record)};
  findings.charts = charts_of(record);
  findings.provenance.input = record.data;
  findings.provenance.configurations.emplace_back("recipe", recipe.resolved);
  findings.notes.push_back(fmt::format("the network is in {}", record.file));
  return findings;
}

Findings findings_of(const Recipe& recipe, const std::vector<TrainingRecord>& records) {
  Findings findings;
  findings.title = fmt::format("Trainings of {}", recipe.name);
  findings.command = "train";
  findings.lead = fmt::format("{} trainings by one recipe.", records.size());
  findings.tables = {variants_table(records), trainings_table(records)};
  Chart chart{"accuracy",
              "Accuracy of the variants",
              "On the test examples: the mean, and the range over seeds and folds.",
              "accuracy",
              Chart::Kind::bars,
              ChartUnit::fraction,
              {},
              {{"test accuracy", 0, {}}},
              "variant"};
  for (const auto& row : findings.tables[0].rows) chart.labels.push_back(std::get<std::string>(row[0]));
  const auto& columns = findings.tables[0].columns;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].key != "test_accuracy_mean") continue;
    const auto number = [](const FindingsCell& cell) {
      return std::holds_alternative<double>(cell) ? std::optional(std::get<double>(cell)) : std::nullopt;
    };
    for (const auto& row : findings.tables[0].rows) {
      chart.series[0].values.push_back(number(row[i]));
      chart.series[0].lowest.push_back(number(row[i + 2]));
      chart.series[0].highest.push_back(number(row[i + 3]));
    }
  }
  if (!chart.series[0].values.empty()) findings.charts = {chart};
  for (Chart& more : std::vector<Chart>{zeros_chart(records), macs_chart(records)}) {
    if (!more.series.empty() && !more.labels.empty()) findings.charts.push_back(std::move(more));
  }
  if (auto table = thresholds_table(records)) findings.tables.push_back(std::move(*table));
  if (auto more = thresholds_chart(records)) findings.charts.push_back(std::move(*more));
  findings.provenance.input = records.empty() ? "" : records.front().data;
  findings.provenance.configurations.emplace_back("recipe", recipe.resolved);
  return findings;
}

}  // namespace deltahop
