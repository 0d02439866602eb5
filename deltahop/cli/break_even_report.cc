// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/break_even_report.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

namespace deltahop {
namespace {

constexpr size_t kMostLines = 8;

std::string percent_key(double share) { return fmt::format("{:g} %", std::round(1000 * share) / 10); }

// One layer of each shape, the largest first: the lines of a chart.
std::vector<const MeasuredLayer*> of_kind(const std::vector<MeasuredLayer>& layers, bool is_integer) {
  std::vector<const MeasuredLayer*> chosen;
  std::set<std::string> shapes;
  for (const MeasuredLayer& each : layers) {
    if (each.layer.is_integer == is_integer && !each.curve.points.empty() &&
        shapes.insert(shape_text(each.layer.shape)).second)
      chosen.push_back(&each);
  }
  std::stable_sort(chosen.begin(), chosen.end(), [](const MeasuredLayer* a, const MeasuredLayer* b) {
    return a->layer.dense_macs > b->layer.dense_macs;
  });
  if (chosen.size() > kMostLines) chosen.resize(kMostLines);
  return chosen;
}

}  // namespace

std::string shape_text(const ConvolutionShape& shape) {
  const std::string groups = shape.groups == 1 ? "" : fmt::format(" in {} groups", shape.groups);
  return fmt::format("{}x{}/{} {}->{}{}, {}x{}", shape.kernel_rows, shape.kernel_columns, shape.stride_rows,
                     shape.in_channels, shape.out_channels, groups, shape.in_rows, shape.in_columns);
}

std::string break_even_text(double share) {
  if (share > 1) return "never";
  return share <= 0 ? "always" : fmt::format("{:.0f} %", 100 * share);
}

FindingsTable break_even_table(const std::vector<MeasuredLayer>& layers) {
  FindingsTable table{"break_even",
                      "Time against zeros",
                      "The dense path takes the same time whatever is zero.",
                      {{"layer", "layer", NumberStyle::plain, true},
                       {"shape", "shape", NumberStyle::plain, true},
                       {"kind", "numbers"},
                       {"break_even", "faster from"},
                       {"break_even_fraction", "", NumberStyle::percent, false, true},
                       {"dense_s", "dense", NumberStyle::seconds}},
                      {}};
  std::vector<double> shares;
  for (const MeasuredLayer& each : layers) {
    if (shares.empty()) {
      for (const auto& point : each.curve.points) shares.push_back(point.zero_share);
    }
  }
  for (const double share : shares)
    table.columns.push_back({fmt::format("sparse_{:g}_s", share), percent_key(share), NumberStyle::seconds});
  for (const MeasuredLayer& each : layers) {
    const double even = each.curve.break_even();
    std::vector<FindingsCell> row = {each.layer.name,
                                     shape_text(each.layer.shape),
                                     std::string(each.layer.is_integer ? "int8" : "float32"),
                                     break_even_text(even),
                                     even,
                                     each.curve.dense_s};
    for (const double share : shares) {
      const auto point = std::find_if(each.curve.points.begin(), each.curve.points.end(),
                                      [&](const auto& other) { return other.zero_share == share; });
      row.emplace_back();
      if (point != each.curve.points.end()) row.back() = point->sparse_s;
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::vector<Chart> break_even_charts(const std::vector<MeasuredLayer>& layers) {
  std::vector<Chart> charts;
  for (const bool is_integer : {true, false}) {
    const std::vector<const MeasuredLayer*> chosen = of_kind(layers, is_integer);
    if (chosen.empty()) continue;
    Chart chart{
        is_integer ? "break_even_int8" : "break_even_float32",
        fmt::format("Time against zeros, {}", is_integer ? "int8" : "float32"),
        "Time of the convolution that skips zeros, as a multiple of the dense one: below 1 it is faster.",
        "time / dense time",
        Chart::Kind::points,
        ChartUnit::ratio,
        {},
        {},
        "zeros"};
    for (const auto& point : chosen.front()->curve.points)
      chart.labels.push_back(percent_key(point.zero_share));
    for (size_t i = 0; i < chosen.size(); ++i) {
      ChartSeries series{shape_text(chosen[i]->layer.shape), static_cast<int>(i), {}};
      for (const auto& point : chosen[i]->curve.points)
        series.values.emplace_back(point.sparse_s / chosen[i]->curve.dense_s);
      series.values.resize(chart.labels.size());
      chart.series.push_back(std::move(series));
    }
    charts.push_back(std::move(chart));
  }
  return charts;
}

}  // namespace deltahop
