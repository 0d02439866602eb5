// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/dram_findings.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace deltahop {
namespace {

constexpr std::string_view kTimes = "\xC3\x97";
constexpr std::array<double, 9> kQuantiles = {0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1.0};

std::string rate_text(double bytes_per_second) { return fmt::format("{:.4g} MB/s", bytes_per_second * 1e-6); }

bool is_mixed(const DramStream& stream, const DramLoad& load) {
  if (stream.kind != DramStream::Kind::trace) return load.write_fraction > 0 && load.write_fraction < 1;
  const auto writes = [](const DramRequest& request) { return request.write; };
  return std::any_of(stream.trace.begin(), stream.trace.end(), writes) &&
         !std::all_of(stream.trace.begin(), stream.trace.end(), writes);
}

double nanoseconds(const DramRun& run, double clocks) { return clocks * run.clock_ns; }
double quantile_ns(const DramRun& run, double fraction) {
  return nanoseconds(run, static_cast<double>(run.latency.quantile(fraction)));
}

FindingsTable bandwidth_table(const DramReportSources& sources) {
  FindingsTable table{
      "streams",
      "Bandwidth and latency",
      "Of the bytes that were wanted; latency from a request's arrival at the controller to its last "
      "beat. The last column is by how much two good controllers differ on such a stream.",
      {{"stream", "stream", NumberStyle::plain, true},
       {"wanted_MB_per_s", "MB/s", NumberStyle::rounded},
       {"of_streaming_fraction", "of streaming", NumberStyle::percent},
       {"bus_busy_fraction", "bus busy", NumberStyle::percent},
       {"row_hit_fraction", "row hits", NumberStyle::percent},
       {"latency_median_ns", "median ns", NumberStyle::rounded},
       {"latency_p99_ns", "p99 ns", NumberStyle::rounded},
       {"latency_max_ns", "max ns", NumberStyle::rounded},
       {"uncertainty_fraction", "known to \xC2\xB1", NumberStyle::percent},
       {"requests", "requests", NumberStyle::count, false, true},
       {"bytes_wanted", "bytes wanted", NumberStyle::bytes, false, true},
       {"bytes_moved", "bytes moved", NumberStyle::bytes, false, true},
       {"clocks", "clocks", NumberStyle::count, false, true},
       {"moved_MB_per_s", "MB/s moved", NumberStyle::plain, false, true},
       {"latency_mean_ns", "mean ns", NumberStyle::plain, false, true},
       {"latency_min_ns", "min ns", NumberStyle::plain, false, true},
       {"reads", "reads", NumberStyle::count, false, true},
       {"writes", "writes", NumberStyle::count, false, true},
       {"forwarded_reads", "forwarded", NumberStyle::count, false, true},
       {"row_hits", "row hits", NumberStyle::count, false, true},
       {"row_misses", "row misses", NumberStyle::count, false, true},
       {"row_conflicts", "row conflicts", NumberStyle::count, false, true},
       {"activations", "activations", NumberStyle::count, false, true},
       {"refreshes", "refreshes", NumberStyle::count, false, true}},
      {}};
  for (const DramResult& result : sources.results) {
    const DramRun& run = result.run;
    const DramCounters& c = run.counters;
    const auto count = [](int64_t value) { return static_cast<double>(value); };
    table.rows.push_back({run.stream,
                          run.wanted_bytes_per_second() * 1e-6,
                          run.wanted_bytes_per_second() / sources.streaming->wanted_bytes_per_second(),
                          run.utilisation_fraction,
                          count(c.row_hits) / std::max(1.0, count(c.reads + c.writes)),
                          quantile_ns(run, 0.5),
                          quantile_ns(run, 0.99),
                          nanoseconds(run, count(run.latency.highest())),
                          uncertainty_of(result.stream, *sources.part, sources.load),
                          count(run.requests),
                          count(run.bytes_wanted),
                          count(run.bytes_moved),
                          count(run.clocks),
                          run.moved_bytes_per_second() * 1e-6,
                          nanoseconds(run, run.latency.mean()),
                          nanoseconds(run, count(run.latency.lowest())),
                          count(c.reads),
                          count(c.writes),
                          count(c.forwarded),
                          count(c.row_hits),
                          count(c.row_misses),
                          count(c.row_conflicts),
                          count(c.activates),
                          count(c.refreshes)});
  }
  return table;
}

FindingsTable slowdown_table(const DramReportSources& sources) {
  FindingsTable table{
      "slowdown",
      "Time for a wanted byte against streaming",
      "The factors multiply to the total. Row misses hold whatever the other two do not explain: closed "
      "rows, conflicts, turning the bus round, activations that must keep their distance.",
      {{"stream", "stream", NumberStyle::plain, true},
       {"slowdown", "slower", NumberStyle::ratio},
       {"unused_burst_factor", "unused part of the burst", NumberStyle::ratio},
       {"outstanding_factor", "few outstanding", NumberStyle::ratio},
       {"row_miss_factor", "row misses", NumberStyle::ratio}},
      {}};
  for (const DramResult& result : sources.results) {
    const DramSlowdown slow = slowdown_of(result, *sources.streaming);
    table.rows.push_back({result.run.stream, slow.total, slow.unused, slow.waiting, slow.rows});
  }
  return table;
}

FindingsTable energy_table(const DramReportSources& sources) {
  FindingsTable table{
      "energy",
      "Energy, pJ for each wanted bit",
      "Counts of commands times costs from the part's currents; background is standby power over the "
      "whole run. Drivers and termination of the data pins are not in it.",
      {{"stream", "stream", NumberStyle::plain, true},
       {"total_pJ_per_bit", "total", NumberStyle::rounded},
       {"activation_pJ_per_bit", "activation", NumberStyle::rounded},
       {"read_pJ_per_bit", "read", NumberStyle::rounded},
       {"write_pJ_per_bit", "write", NumberStyle::rounded},
       {"background_pJ_per_bit", "background", NumberStyle::rounded},
       {"refresh_pJ_per_bit", "refresh", NumberStyle::rounded},
       {"energy_pJ", "energy pJ", NumberStyle::plain, false, true},
       {"power_mW", "mW", NumberStyle::rounded}},
      {}};
  for (const DramResult& result : sources.results) {
    const DramRun& run = result.run;
    const DramEnergyParts& e = run.energy;
    table.rows.push_back({run.stream, run.pJ_per_bit(e.total_pJ()), run.pJ_per_bit(e.activation_pJ),
                          run.pJ_per_bit(e.read_pJ), run.pJ_per_bit(e.write_pJ),
                          run.pJ_per_bit(e.background_pJ()), run.pJ_per_bit(e.refresh_pJ), e.total_pJ(),
                          e.total_pJ() * 1e-9 / run.seconds()});
  }
  return table;
}

// Without the fraction that the sweep replaces.
std::string sweep_name(const DramStream& stream) {
  if (stream.kind != DramStream::Kind::columns) return stream.text;
  return fmt::format("{} columns of {} bytes", stream.columns, stream.column_bytes);
}

FindingsTable sweep_table(const DramReportSources& sources) {
  FindingsTable table{
      "kept",
      "Bandwidth against the columns kept, of streaming",
      "A delta network reads the weight columns of those inputs that changed, a fresh choice every step.",
      {{"kept_fraction", "kept", NumberStyle::percent}},
      {}};
  for (const DramResult& result : sources.results) {
    const std::string key = fmt::format("{}_of_streaming_fraction", result.stream.text);
    table.columns.push_back({key, sweep_name(result.stream), NumberStyle::percent});
  }
  for (const auto& [kept, runs] : sources.sweep) {
    std::vector<FindingsCell> row = {kept};
    for (const DramRun& run : runs)
      row.push_back(run.wanted_bytes_per_second() / sources.streaming->wanted_bytes_per_second());
    table.rows.push_back(std::move(row));
  }
  return table;
}

Chart sweep_chart(const DramReportSources& sources) {
  Chart chart{
      "kept",
      "Why a delta network plays nice with DRAM",
      "Wanted bytes a second against streaming. Whole weight columns keep the bus busy however few are kept; "
      "single words do not, because most of a burst, and most row activations, are for nothing.",
      "of streaming bandwidth",
      Chart::Kind::points,
      ChartUnit::fraction,
      {},
      {},
      "columns kept"};
  for (const auto& [kept, runs] : sources.sweep) chart.labels.push_back(fmt::format("{:.4g} %", kept * 100));
  for (size_t i = 0; i < sources.results.size(); ++i) {
    ChartSeries series{sweep_name(sources.results[i].stream), static_cast<int>(i % 7), {}};
    for (const auto& [kept, runs] : sources.sweep)
      series.values.emplace_back(runs[i].wanted_bytes_per_second() /
                                 sources.streaming->wanted_bytes_per_second());
    chart.series.push_back(std::move(series));
  }
  return chart;
}

Chart bandwidth_chart(const DramReportSources& sources) {
  Chart chart{
      "bandwidth",
      "Bandwidth of the streams",
      "Wanted bytes a second against streaming, and the share of time in which the data bus moves anything.",
      "fraction",
      Chart::Kind::bars,
      ChartUnit::fraction,
      {},
      {},
      "stream"};
  ChartSeries wanted{"of streaming", 0, {}}, busy{"bus busy", 5, {}};
  for (const DramResult& result : sources.results) {
    chart.labels.push_back(result.run.stream);
    wanted.values.emplace_back(result.run.wanted_bytes_per_second() /
                               sources.streaming->wanted_bytes_per_second());
    busy.values.emplace_back(result.run.utilisation_fraction);
  }
  chart.series = {wanted, busy};
  return chart;
}

Chart energy_chart(const DramReportSources& sources) {
  Chart chart{"energy",
              "Energy for each wanted bit",
              "By what it is spent on.",
              "for each wanted bit",
              Chart::Kind::stacked_bars,
              ChartUnit::picojoules,
              {},
              {},
              "stream"};
  chart.series = {
      {"activation", 1, {}}, {"read", 0, {}}, {"write", 3, {}}, {"background", 5, {}}, {"refresh", 4, {}}};
  for (const DramResult& result : sources.results) {
    const DramRun& run = result.run;
    chart.labels.push_back(run.stream);
    const std::array<double, 5> parts = {run.energy.activation_pJ, run.energy.read_pJ, run.energy.write_pJ,
                                         run.energy.background_pJ(), run.energy.refresh_pJ};
    for (size_t i = 0; i < parts.size(); ++i) chart.series[i].values.emplace_back(run.pJ_per_bit(parts[i]));
  }
  return chart;
}

Chart latency_chart(const DramReportSources& sources) {
  Chart chart{"latency",
              "Latency",
              "Clocks of the command bus that so large a share of the requests do not exceed.",
              "clocks",
              Chart::Kind::points,
              ChartUnit::cycles,
              {},
              {},
              "share of the requests"};
  for (const double quantile : kQuantiles) chart.labels.push_back(fmt::format("{:.4g} %", quantile * 100));
  int colour = 0;
  for (const DramResult& result : sources.results) {
    ChartSeries series{result.run.stream, colour++ % 7, {}};
    for (const double quantile : kQuantiles)
      series.values.emplace_back(static_cast<double>(result.run.latency.quantile(quantile)));
    chart.series.push_back(std::move(series));
  }
  return chart;
}

std::vector<std::string> notes_of(const DramReportSources& sources) {
  const DramPart& part = *sources.part;
  const DramController& controller = *sources.controller;
  std::vector<std::string> notes = {
      fmt::format("Controller: FR-FCFS, {} reads and {} writes queued, writes drained from {} down to {}, {} "
                  "page, mapping "
                  "{}, refresh {}, requests outstanding: {}{}.",
                  controller.read_queue, controller.write_queue, controller.drain_above,
                  controller.drain_until, controller.page == DramPage::open ? "open" : "closed",
                  controller.mapping.empty() ? part.mapping : controller.mapping,
                  controller.refresh ? "on" : "off",
                  sources.load.outstanding == 0 ? "as many as the queues take"
                                                : std::to_string(sources.load.outstanding),
                  controller.chips > 1 ? fmt::format(", {} chips side by side", controller.chips) : ""),
      "Uncertainty: two good controllers with the same timings differ by about 2 % on most streams, 5 % on "
      "random bursts and "
      "on one request at a time, 11 % on long DDR4 bursts, 15 % on alternating reads and writes. Nothing "
      "here is known "
      "better than that.",
      fmt::format(
          "Sources of {}: timings {}; currents {}; organisation {}; write latency {}; refresh interval {}.",
          part.name, part.citations.at("timings"), part.citations.at("currents"),
          part.citations.at("organisation"), part.citations.at("write_latency"),
          part.citations.at("refresh_interval"))};
  if (part.currents_are_weak)
    notes.emplace_back(
        "The energies of this part are an orientation: its source carries the currents of another.");
  notes.insert(notes.end(), part.notes.begin(), part.notes.end());
  return notes;
}

}  // namespace

DramSlowdown slowdown_of(const DramResult& result, const DramRun& streaming) {
  const auto seconds_a_byte = [](const DramRun& run, int64_t bytes) {
    return run.seconds() / static_cast<double>(bytes);
  };
  DramSlowdown slow;
  const DramRun& run = result.run;
  const double ideal = seconds_a_byte(streaming, streaming.bytes_moved);
  slow.total = seconds_a_byte(run, run.bytes_wanted) / ideal;
  slow.unused = static_cast<double>(run.bytes_moved) / static_cast<double>(run.bytes_wanted);
  if (result.waiting) slow.waiting = seconds_a_byte(*result.waiting, result.waiting->bytes_moved) / ideal;
  slow.rows = slow.total / (slow.unused * slow.waiting);
  return slow;
}

double uncertainty_of(const DramStream& stream, const DramPart& part, const DramLoad& load) {
  if (is_mixed(stream, load)) return 0.15;
  if (load.outstanding == 1) return 0.05;
  switch (stream.kind) {
    case DramStream::Kind::sequential:
    case DramStream::Kind::columns:
    case DramStream::Kind::transfers:
      return part.bank_groups > 1 ? 0.11 : 0.02;
    case DramStream::Kind::same_bank:
    case DramStream::Kind::rotating:
      return 0.02;
    default:
      return 0.05;
  }
}

Findings dram_findings(const DramReportSources& sources) {
  const DramPart& part = *sources.part;
  const DramRun& streaming = *sources.streaming;
  Findings findings;
  std::vector<std::string> names;
  for (const DramResult& result : sources.results) names.push_back(result.run.stream);
  findings.title = fmt::format("{}: {}", part.summary, fmt::join(names, ", "));
  findings.command = "dram";
  const DramResult& last = sources.results.back();
  const DramSlowdown slow = slowdown_of(last, streaming);
  findings.lead = fmt::format(
      "Streaming moves {} of a peak of {}. '{}' moves {}: {:.3g} times slower, {:.3g} for the unused part of "
      "bursts {} "
      "{:.3g} for few requests outstanding {} {:.3g} for row misses.",
      rate_text(streaming.moved_bytes_per_second()), rate_text(streaming.peak_bytes_per_second),
      last.run.stream, rate_text(last.run.wanted_bytes_per_second()), slow.total, slow.unused, kTimes,
      slow.waiting, kTimes, slow.rows);
  findings.provenance = sources.provenance;
  const DramCosts costs = costs_of(part);
  const double chips = sources.controller->chips;
  findings.figures = {
      {"peak_MB_per_s", "peak MB/s", streaming.peak_bytes_per_second * 1e-6, NumberStyle::rounded, ""},
      {"streaming_MB_per_s", "streaming MB/s", streaming.moved_bytes_per_second() * 1e-6,
       NumberStyle::rounded,
       fmt::format("{:.1f} % of the peak, open page", 100 * streaming.utilisation_fraction)},
      {"standby_power_mW", "standby mW", costs.active.number() * 1e3 * chips, NumberStyle::rounded,
       fmt::format("with a row open; {:.3g} with none, {:.3g} powered down, {:.3g} in self refresh",
                   costs.precharged.number() * 1e3 * chips, costs.power_down.number() * 1e3 * chips,
                   costs.self_refresh.number() * 1e3 * chips)}};
  findings.tables = {bandwidth_table(sources), slowdown_table(sources), energy_table(sources)};
  if (!sources.sweep.empty()) {
    findings.tables.push_back(sweep_table(sources));
    findings.charts.push_back(sweep_chart(sources));
  }
  findings.charts.push_back(bandwidth_chart(sources));
  findings.charts.push_back(latency_chart(sources));
  findings.charts.push_back(energy_chart(sources));
  findings.notes = notes_of(sources);
  return findings;
}

}  // namespace deltahop
