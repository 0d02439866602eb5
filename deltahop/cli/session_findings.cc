// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/session_findings.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace deltahop {
namespace {

void add_dense_figures(Findings& findings, const Session& session, const SessionRun& result) {
  const StreamRun& dense = *result.dense;
  const double gain = dense.latency.median_s / result.run.latency.median_s;
  findings.figures.push_back(
      {"dense_latency_median_s", "median step in full", dense.latency.median_s, NumberStyle::seconds, ""});
  findings.figures.push_back({"speedup", "faster than in full", gain, NumberStyle::ratio, "at the median"});
  const double off = relative_difference(session, result.run, dense);
  findings.figures.push_back({"difference_fraction", "difference to in full", off, NumberStyle::percent,
                              off > 0 ? fmt::format("{:.1f} dB below the output", -20 * std::log10(off))
                                      : std::string("not a bit")});
  if (result.exact) {
    findings.figures.push_back({"float_difference_fraction", "difference to float32 in full",
                                relative_difference(session, result.run, *result.exact), NumberStyle::percent,
                                "rounding and thresholds together"});
  }
  FindingsTable table{"differences",
                      "Outputs against those in full",
                      "",
                      {{"output", "output", NumberStyle::plain, true},
                       {"largest", "largest difference"},
                       {"root_mean_square", "root mean square"},
                       {"relative_fraction", "relative", NumberStyle::percent}},
                      {}};
  for (size_t i = 0; i < session.outputs().size(); ++i) {
    const Difference own = difference(result.run.outputs[i], dense.outputs[i]);
    table.rows.push_back({session.outputs()[i].name, own.largest, own.root_mean_square, own.relative});
  }
  findings.tables.push_back(std::move(table));
}

std::vector<Chart> charts_of(const SessionStatistics& statistics) {
  Chart sparsity{
      "sparsity",
      "Columns that were not sent",
      "The share of values that changed by less than their threshold: their column of weights stays where "
      "it is.",
      "not sent",
      Chart::Kind::bars,
      ChartUnit::fraction,
      {},
      {{"not sent", 0, {}}}};
  Chart bytes{"bytes",
              "Weights read",
              "Over all steps; in full, every weight is read in every step.",
              "bytes",
              Chart::Kind::bars,
              ChartUnit::bits,
              {},
              {{"in full", 5, {}}, {"read", 0, {}}}};
  for (const StreamStatistics& each : statistics.streams) {
    const std::string label = fmt::format("{}, {}", each.layer, each.stream);
    bytes.labels.push_back(label);
    bytes.series[0].values.emplace_back(8.0 * static_cast<double>(each.dense_bytes()));
    bytes.series[1].values.emplace_back(8.0 * static_cast<double>(each.read_bytes()));
    if (!each.is_delta) continue;
    sparsity.labels.push_back(label);
    sparsity.series[0].values.emplace_back(each.sparsity());
  }
  sparsity.label_header = bytes.label_header = "layer and values";
  std::vector<Chart> charts;
  if (!sparsity.labels.empty()) charts.push_back(std::move(sparsity));
  charts.push_back(std::move(bytes));
  return charts;
}

void add_counts(Findings& findings, const SessionRun& result) {
  const SessionStatistics& counts = result.run.statistics;
  const double steps = static_cast<double>(std::max<int64_t>(1, counts.steps));
  const double read = static_cast<double>(counts.read_bytes()) / steps;
  const double dense = static_cast<double>(counts.dense_bytes()) / steps;
  findings.figures = {
      {"steps", "steps", steps, NumberStyle::count, ""},
      {"sparsity_fraction", "columns not sent", counts.sparsity(), NumberStyle::percent,
       "weighted by their weights"},
      {"dense_bytes_per_step", "weights in full", dense, NumberStyle::bytes, "a step"},
      {"read_bytes_per_step", "weights read", read, NumberStyle::bytes,
       read > 0 ? fmt::format("a step: {:.3g} times less", dense / read) : std::string("a step")},
      {"latency_median_s", "median step", result.run.latency.median_s, NumberStyle::seconds, ""},
      {"latency_p99_s", "99 of 100 steps within", result.run.latency.p99_s, NumberStyle::seconds, ""},
      {"latency_max_s", "longest step", result.run.latency.max_s, NumberStyle::seconds, ""}};
}

std::string lead_of(const SessionRun& result) {
  const SessionStatistics& counts = result.run.statistics;
  std::string lead = fmt::format("{} of the weights' columns were not sent, and a step took {} at the median",
                                 styled(counts.sparsity(), NumberStyle::percent),
                                 styled(result.run.latency.median_s, NumberStyle::seconds));
  if (result.dense) {
    const double gain = result.dense->latency.median_s / result.run.latency.median_s;
    lead += gain >= 1 ? fmt::format(", {:.3g} times faster than in full", gain)
                      : fmt::format(": {:.3g} times slower than in full", 1 / gain);
  }
  return lead + ".";
}

void add_notes(Findings& findings, const Session& session, const SessionRun& result) {
  findings.notes = explanations(result.run.statistics);
  for (const StateLoop& loop : session.loops())
    findings.notes.push_back(
        fmt::format("the output '{}' is the input '{}' of the next step", loop.output, loop.input));
  for (const std::string& node : session.allocating_nodes())
    findings.notes.push_back(
        fmt::format("{} runs through its general code, which allocates memory in every step", node));
  if (result.dense) {
    const double bytes = static_cast<double>(result.run.statistics.dense_bytes()) /
                         static_cast<double>(std::max<int64_t>(1, result.run.statistics.read_bytes()));
    const double gain = result.dense->latency.median_s / result.run.latency.median_s;
    if (gain < 0.7 * bytes) {
      findings.notes.push_back(fmt::format(
          "{:.3g} times fewer bytes make a step {:.3g} times faster: gates, element-wise layers and the "
          "search for "
          "changes take their time in every step, and weights that fit the cache are cheap to read",
          bytes, gain));
    }
  }
  findings.notes.emplace_back(
      "times are of this machine in this run; the median and the 99th percentile are right within 1 %");
}

}  // namespace

Findings session_findings(const Session& session, const SessionRun& result,
                          const std::vector<StreamSequence>& sequences) {
  Findings findings;
  findings.command = "run";
  findings.lead = lead_of(result);
  add_counts(findings, result);
  findings.tables.push_back(streams_table(result.run.statistics));
  if (result.dense) add_dense_figures(findings, session, result);
  if (const auto right = accuracy(result.run, sequences)) {
    const auto dense = result.dense ? accuracy(*result.dense, sequences) : std::nullopt;
    findings.figures.push_back({"accuracy_fraction", "right answers", right, NumberStyle::percent, ""});
    findings.figures.push_back(
        {"dense_accuracy_fraction", "right answers in full", dense, NumberStyle::percent, ""});
  }
  findings.charts = charts_of(result.run.statistics);
  add_notes(findings, session, result);
  return findings;
}

}  // namespace deltahop
