// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/bench_findings.h"

#include <algorithm>

#include <fmt/format.h>

namespace deltahop {
namespace {

constexpr double kGiga = 1e-9;

double share(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

// Of each round: how much longer `slow` takes than `fast`.
struct Ratio {
  double median = 0, lowest = 0, highest = 0;
};
Ratio ratio_of(const BenchWay& slow, const BenchWay& fast) {
  std::vector<double> ratios;
  for (size_t i = 0; i < slow.rounds_s.size(); ++i) ratios.push_back(slow.rounds_s[i] / fast.rounds_s[i]);
  const auto [low, high] = std::minmax_element(ratios.begin(), ratios.end());
  return {median_of(ratios), *low, *high};
}

// What zeros would allow if everything but the products were free: all products over those with a value.
double theory(const BenchResult& result) {
  const BenchWay& sparse = result.way("int8_sparse");
  int64_t dense = 0;
  for (const LayerSum& layer : sparse.layers) dense += layer.runs * layer.layer.dense_macs;
  return sparse.executed_macs() == 0 ? 1 : share(dense, sparse.executed_macs());
}

FindingsTable ways_table(const BenchResult& result) {
  FindingsTable table{
      "ways",
      "Every way of computing it",
      "Effective: products that zeros made unnecessary count as done. Maps: what the convolutions "
      "read and wrote, as it lies in memory.",
      {{"way", "way", NumberStyle::plain, true},
       {"latency_median_s", "median", NumberStyle::seconds},
       {"latency_p99_s", "p99", NumberStyle::seconds},
       {"best_dense_ratio", "best dense is", NumberStyle::ratio},
       {"best_dense_ratio_lowest", "from", NumberStyle::ratio},
       {"best_dense_ratio_highest", "to", NumberStyle::ratio},
       {"effective_gops", "effective GOp/s", NumberStyle::rounded},
       {"executed_gops", "executed GOp/s", NumberStyle::rounded},
       {"weight_bytes", "weights", NumberStyle::bytes},
       {"map_bytes", "maps", NumberStyle::bytes},
       {"accuracy_fraction", "right", NumberStyle::percent},
       {"agreement_fraction", "as float32", NumberStyle::percent}},
      {}};
  const BenchWay& best = result.best_dense();
  for (const BenchWay& way : result.ways) {
    const Ratio ratio = ratio_of(best, way);
    const bool counted = !way.layers.empty();
    const double inputs = static_cast<double>(result.inputs);
    const double executed = counted ? executed_macs_per_input(way.layers, result.dense_macs, result.inputs)
                                    : static_cast<double>(result.dense_macs);
    const auto known = [](bool is_known, double value) {
      FindingsCell cell;
      if (is_known) cell = value;
      return cell;
    };
    table.rows.push_back(
        {way.name, way.median_s(), way.p99_s(), ratio.median, ratio.lowest, ratio.highest,
         2 * kGiga * static_cast<double>(result.dense_macs) / way.median_s(),
         2 * kGiga * executed / way.median_s(), known(counted, static_cast<double>(way.weight_bytes())),
         known(counted, static_cast<double>(way.map_bytes()) / inputs),
         known(result.labelled > 0, share(way.right, result.labelled)), share(way.agreeing, result.inputs)});
  }
  return table;
}

FindingsTable layers_table(const BenchResult& result) {
  FindingsTable table{
      "layers",
      "Convolutions, int8",
      "Left out dense: products of whole rows of zeros, which dense tiles need not compute. Theory: all "
      "products over those whose input is not zero. Reached: dense time over the time by zeros.",
      {{"layer", "layer", NumberStyle::plain, true},
       {"shape", "shape", NumberStyle::plain, true},
       {"zeros_fraction", "zeros in", NumberStyle::percent},
       {"break_even", "faster from"},
       {"sparse_fraction", "taken sparse", NumberStyle::percent},
       {"left_out_fraction", "left out dense", NumberStyle::percent},
       {"dense_s", "dense", NumberStyle::seconds},
       {"sparse_s", "sparse", NumberStyle::seconds},
       {"by_zeros_s", "by zeros", NumberStyle::seconds},
       {"theory_ratio", "theory", NumberStyle::ratio},
       {"reached_ratio", "reached", NumberStyle::ratio}},
      {}};
  const BenchWay& chosen = result.way("int8_zeros");
  const BenchWay& dense = result.way("int8_dense");
  const BenchWay& sparse = result.way("int8_sparse");
  for (size_t i = 0; i < chosen.layers.size(); ++i) {
    const LayerSum& own = chosen.layers[i];
    const double all = static_cast<double>(own.runs) * static_cast<double>(own.layer.dense_macs);
    const double executed = static_cast<double>(std::max<int64_t>(1, sparse.layers[i].executed_macs));
    table.rows.push_back({own.layer.name, shape_text(own.layer.shape), own.mean_zero_share(),
                          break_even_text(own.layer.break_even), share(own.sparse_runs, own.runs),
                          own.left_out / static_cast<double>(std::max<int64_t>(1, own.runs)),
                          dense.layers[i].mean_seconds(), sparse.layers[i].mean_seconds(), own.mean_seconds(),
                          all / executed, dense.layers[i].mean_seconds() / own.mean_seconds()});
  }
  const auto runs = static_cast<double>(std::max<size_t>(1, chosen.latency_s.size()));
  table.rows.push_back({std::string("everything else"),
                        std::string(""),
                        {},
                        {},
                        {},
                        {},
                        dense.other_s / runs,
                        sparse.other_s / runs,
                        chosen.other_s / runs,
                        {},
                        {}});
  return table;
}

// Each layer of the way by zeros against what memory and arithmetic allow at its operations a byte.
FindingsTable roofline_table(const BenchResult& result) {
  FindingsTable table{
      "roofline",
      "Roofline, int8 by zeros",
      fmt::format(
          "Executed operations a second against the bound: arithmetic {:.4g} GOp/s (the fastest dense int8 "
          "convolution, measured now), memory {:.4g} GB/s (one thread reading, measured now). Maps of small "
          "networks stay in the caches, which are faster than memory, so that a layer may lie above the "
          "memory's part of the roof.",
          kGiga * result.peak_ops_per_second, kGiga * result.bytes_per_second),
      {{"layer", "layer", NumberStyle::plain, true},
       {"ops_per_byte", "Op/B", NumberStyle::rounded},
       {"executed_gops", "executed GOp/s", NumberStyle::rounded},
       {"bound_gops", "bound GOp/s", NumberStyle::rounded},
       {"bound_fraction", "of the bound", NumberStyle::percent}},
      {}};
  for (const LayerSum& layer : result.way("int8_zeros").layers) {
    const double runs = static_cast<double>(std::max<int64_t>(1, layer.runs));
    const double operations = 2 * static_cast<double>(layer.executed_macs) / runs;
    const double bytes = static_cast<double>(layer.layer.weight_bytes) +
                         static_cast<double>(layer.input_bytes + layer.output_bytes) / runs;
    const double rate = layer.mean_seconds() > 0 ? operations / layer.mean_seconds() : 0;
    const double bound = std::min(result.peak_ops_per_second, operations / bytes * result.bytes_per_second);
    table.rows.push_back(
        {layer.layer.name, operations / bytes, kGiga * rate, kGiga * bound, bound > 0 ? rate / bound : 0});
  }
  return table;
}

Chart bars(std::string id, std::string title, std::string caption, std::string y_title, ChartUnit unit) {
  Chart chart;
  chart.id = std::move(id);
  chart.title = std::move(title);
  chart.caption = std::move(caption);
  chart.y_title = std::move(y_title);
  chart.unit = unit;
  return chart;
}

std::vector<Chart> charts_of(const BenchResult& result, const FindingsTable& layers,
                             const FindingsTable& roofline) {
  Chart time = bars("latency", "Latency", "Median and 99th percentile of one input.", "ms", ChartUnit::count);
  time.label_header = "way";
  time.series = {{"median", 0, {}}, {"p99", 5, {}}};
  for (const BenchWay& way : result.ways) {
    time.labels.push_back(way.name);
    time.series[0].values.emplace_back(1e3 * way.median_s());
    time.series[1].values.emplace_back(1e3 * way.p99_s());
  }
  Chart gain = bars("gain", "Faster by zeros", "What the zeros allow, and what was reached.", "faster",
                    ChartUnit::ratio);
  gain.series = {{"theory", 5, {}}, {"reached", 0, {}}};
  for (const auto& row : layers.rows) {
    if (!std::holds_alternative<double>(row[9])) continue;
    gain.labels.push_back(std::get<std::string>(row[0]));
    gain.series[0].values.emplace_back(std::get<double>(row[9]));
    gain.series[1].values.emplace_back(std::get<double>(row[10]));
  }
  Chart roof =
      bars("roof", "Roofline", "Executed operations a second, and the bound of memory and arithmetic.",
           "GOp/s", ChartUnit::count);
  roof.series = {{"bound", 5, {}}, {"executed", 0, {}}};
  for (const auto& row : roofline.rows) {
    roof.labels.push_back(std::get<std::string>(row[0]));
    roof.series[0].values.emplace_back(std::get<double>(row[3]));
    roof.series[1].values.emplace_back(std::get<double>(row[2]));
  }
  return {time, gain, roof};
}

}  // namespace

Findings bench_findings(const BenchResult& result, const std::vector<MeasuredLayer>& measured) {
  Findings findings;
  findings.command = "bench";
  const BenchWay& best = result.best_dense();
  const BenchWay& chosen = result.way("int8_zeros");
  const Ratio gain = ratio_of(best, chosen);
  const double possible = theory(result);
  findings.lead = fmt::format(
      "By zeros in int8 one input takes {} at the median, {:.3g} times {} the fastest dense way ({}, {}); "
      "with {} of the "
      "values zero, {:.3g} times fewer products would do.",
      styled(chosen.median_s(), NumberStyle::seconds), gain.median >= 1 ? gain.median : 1 / gain.median,
      gain.median >= 1 ? "faster than" : "slower than", best.name,
      styled(best.median_s(), NumberStyle::seconds), styled(mean_zeros(chosen.layers), NumberStyle::percent),
      possible);
  findings.figures = {
      {"speedup", "faster than the best dense", gain.median, NumberStyle::ratio,
       fmt::format("{:.3g} to {:.3g}; {}", gain.lowest, gain.highest, best.name)},
      {"theory_ratio", "what the zeros would allow", possible, NumberStyle::ratio, "products, int8"},
      {"zeros_fraction", "zeros in the convolutions' inputs", mean_zeros(chosen.layers), NumberStyle::percent,
       ""},
      {"latency_median_s", "median, int8 by zeros", chosen.median_s(), NumberStyle::seconds,
       fmt::format("p99 {}", styled(chosen.p99_s(), NumberStyle::seconds))},
      {"compared_codes", "codes held against the executor's", static_cast<double>(result.compared),
       NumberStyle::count, fmt::format("{} differ", result.different)}};
  if (result.labelled > 0)
    findings.figures.push_back(
        {"accuracy_fraction", "right answers, int8", share(chosen.right, result.labelled),
         NumberStyle::percent,
         fmt::format("float32: {}",
                     styled(share(result.ways[0].right, result.labelled), NumberStyle::percent))});
  findings.tables = {ways_table(result), layers_table(result), roofline_table(result)};
  findings.charts = charts_of(result, findings.tables[1], findings.tables[2]);
  for (Chart& chart : break_even_charts(measured)) findings.charts.push_back(std::move(chart));
  for (const std::string& node : chosen.general_nodes)
    findings.notes.push_back(fmt::format("{} runs in general code in the int8 engine", node));
  findings.notes.emplace_back(
      "every way takes its turn on each timed input in each round; ratios are of whole rounds, their median "
      "with the "
      "lowest and highest");
  return findings;
}

}  // namespace deltahop
