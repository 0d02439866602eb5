// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/picture_findings.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "deltahop/cli/break_even_report.h"
#include "deltahop/cli/stream_job.h"

namespace deltahop {
namespace {

double share(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

// Layers' runs that took the path by zeros, of all.
double sparse_share(const std::vector<LayerSum>& layers) {
  int64_t sparse = 0, runs = 0;
  for (const LayerSum& layer : layers) {
    sparse += layer.sparse_runs;
    runs += layer.runs;
  }
  return share(sparse, runs);
}

FindingsTable layers_table(const PictureRunResult& result) {
  FindingsTable table{
      "layers",
      "Layers, and the path that each took",
      "By zeros where the share of zeros of the input at hand reaches the measured break-even, "
      "else in full. Products are means an input; those with padding never count as executed.",
      {{"layer", "layer", NumberStyle::plain, true},
       {"shape", "shape", NumberStyle::plain, true},
       {"zeros_fraction", "zeros in", NumberStyle::percent},
       {"break_even", "faster from"},
       {"runs", "runs", NumberStyle::count, false, true},
       {"sparse_runs", "by zeros", NumberStyle::count},
       {"dense_runs", "in full", NumberStyle::count},
       {"dense_macs", "products in full", NumberStyle::count},
       {"executed_macs", "executed", NumberStyle::count},
       {"mean_s", "time", NumberStyle::seconds}},
      {}};
  const auto number = [](int64_t value) { return static_cast<double>(value); };
  for (const LayerSum& sum : result.chosen.layers) {
    table.rows.push_back({sum.layer.name, shape_text(sum.layer.shape), sum.mean_zero_share(),
                          break_even_text(sum.layer.break_even), number(sum.runs), number(sum.sparse_runs),
                          number(sum.runs - sum.sparse_runs), number(sum.layer.dense_macs),
                          share(sum.executed_macs, sum.runs), sum.mean_seconds()});
  }
  table.rows.push_back({std::string("everything else"),
                        std::string(""),
                        {},
                        {},
                        {},
                        {},
                        {},
                        {},
                        {},
                        result.chosen.other_s / number(std::max<int64_t>(1, result.inputs))});
  return table;
}

FindingsTable answers_table(const PictureRunResult& result) {
  FindingsTable table{
      "answers",
      "Answers",
      result.inputs > std::ssize(result.answers)
          ? fmt::format("The first {} of {}; --output writes all.", result.answers.size(), result.inputs)
          : std::string(""),
      {{"input", "input", NumberStyle::plain, true},
       {"class", "class", NumberStyle::plain},
       {"score", "score", NumberStyle::rounded},
       {"label", "label", NumberStyle::plain}},
      {}};
  for (const PictureAnswer& each : result.answers) {
    table.rows.push_back({each.name, static_cast<double>(each.answer), each.score, {}});
    if (each.label) table.rows.back().back() = static_cast<double>(*each.label);
  }
  return table;
}

std::vector<Chart> charts_of(const PictureRunResult& result) {
  Chart zeros{"zeros",
              "Zeros, and how often they were skipped",
              "Zeros in what each layer reads, and the share of its runs that went by them.",
              "share",
              Chart::Kind::bars,
              ChartUnit::fraction,
              {},
              {{"zeros", 5, {}}, {"by zeros", 0, {}}}};
  Chart products{"products",
                 "Products",
                 "Of one input in full, and those that were executed.",
                 "products",
                 Chart::Kind::bars,
                 ChartUnit::count,
                 {},
                 {{"in full", 5, {}}, {"executed", 0, {}}}};
  for (const LayerSum& sum : result.chosen.layers) {
    zeros.labels.push_back(sum.layer.name);
    zeros.series[0].values.emplace_back(sum.mean_zero_share());
    zeros.series[1].values.emplace_back(share(sum.sparse_runs, sum.runs));
    products.labels.push_back(sum.layer.name);
    products.series[0].values.emplace_back(static_cast<double>(sum.layer.dense_macs));
    products.series[1].values.emplace_back(share(sum.executed_macs, sum.runs));
  }
  return {zeros, products};
}

// The largest relative difference of an output.
double relative_difference(const PictureWay& ours, const PictureWay& wanted) {
  double largest = 0;
  for (size_t i = 0; i < wanted.outputs.size(); ++i)
    largest = std::max(largest, difference(ours.outputs[i], wanted.outputs[i]).relative);
  return largest;
}

void add_comparison(const PictureRunResult& result, Findings& findings) {
  if (!result.dense) return;
  const LatencySummary dense = result.dense->latency.summary();
  findings.figures.push_back(
      {"dense_latency_median_s", "median input in full", dense.median_s, NumberStyle::seconds, ""});
  findings.figures.push_back({"speedup", "faster than in full",
                              dense.median_s / result.chosen.latency.summary().median_s, NumberStyle::ratio,
                              "at the median"});
  const double off = relative_difference(result.chosen, *result.dense);
  findings.figures.push_back({"difference_fraction", "difference to in full", off, NumberStyle::percent,
                              off > 0 ? "sums of floats in another order" : "not a bit"});
  if (!result.exact) return;
  findings.figures.push_back({"float_difference_fraction", "difference to float32 in full",
                              relative_difference(result.chosen, *result.exact), NumberStyle::percent,
                              "rounding"});
  if (result.labelled > 0)
    findings.figures.push_back({"float_accuracy_fraction", "right answers in float32",
                                share(result.exact->right, result.labelled), NumberStyle::percent, ""});
}

}  // namespace

Findings picture_findings(const PictureRunResult& result, bool in_integers) {
  Findings findings;
  findings.command = "run";
  const LatencySummary latency = result.chosen.latency.summary();
  const double zeros = mean_zeros(result.chosen.layers), sparse = sparse_share(result.chosen.layers);
  const double executed = executed_macs_per_input(result.chosen.layers, result.dense_macs, result.inputs);
  const double fewer = executed > 0 ? static_cast<double>(result.dense_macs) / executed : 1;
  findings.lead = fmt::format(
      "{} of what the layers read is zero and {} of their runs went by zeros; {:.3g} times fewer products "
      "were executed than in full, padding among them, and an input took {} at the median.",
      styled(zeros, NumberStyle::percent), styled(sparse, NumberStyle::percent), fewer,
      styled(latency.median_s, NumberStyle::seconds));
  findings.figures = {
      {"inputs", "inputs", static_cast<double>(result.inputs), NumberStyle::count, ""},
      {"zeros_fraction", "zeros in the layers' inputs", zeros, NumberStyle::percent, ""},
      {"sparse_fraction", "layers' runs by zeros", sparse, NumberStyle::percent, "others in full"},
      {"dense_macs", "products in full", static_cast<double>(result.dense_macs), NumberStyle::count,
       "an input"},
      {"executed_macs", "products executed", executed, NumberStyle::count,
       fmt::format("an input: {:.3g} times fewer", fewer)},
      {"latency_median_s", "median input", latency.median_s, NumberStyle::seconds, ""},
      {"latency_p99_s", "99 of 100 inputs within", latency.p99_s, NumberStyle::seconds, ""},
      {"latency_max_s", "longest input", latency.max_s, NumberStyle::seconds, ""}};
  if (result.labelled > 0 && result.gives_scores)
    findings.figures.push_back({"accuracy_fraction", "right answers",
                                share(result.chosen.right, result.labelled), NumberStyle::percent,
                                fmt::format("{} of {}", result.chosen.right, result.labelled)});
  add_comparison(result, findings);
  findings.tables.push_back(layers_table(result));
  if (result.gives_scores) findings.tables.push_back(answers_table(result));
  findings.charts = charts_of(result);
  findings.notes.emplace_back(
      "each input runs once for its counts and once for its time; medians are right within 1 %");
  if (in_integers)
    findings.notes.emplace_back("bit for bit as the integer executor computes it, on either path");
  return findings;
}

}  // namespace deltahop
