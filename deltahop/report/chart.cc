// SPDX-License-Identifier: Apache-2.0
// From a report to its charts.
#include "deltahop/report/chart.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/hardware/roofline.h"
#include "deltahop/report/chart_colours.h"
#include "deltahop/report/metrics.h"
#include "deltahop/report/number_text.h"

namespace deltahop {
namespace {

using Value = std::function<std::optional<double>(const LayerRow&)>;

// The layers of which any of the values is known, as labels and series.
void fill(Chart& chart, const Report& report, const std::vector<std::pair<ChartSeries, Value>>& series) {
  for (const auto& [empty, value] : series) chart.series.push_back(empty);
  for (const LayerRow& layer : report.layers) {
    std::vector<std::optional<double>> values;
    for (const auto& [empty, value] : series) values.push_back(value(layer));
    if (std::none_of(values.begin(), values.end(), [](const auto& each) { return each.has_value(); }))
      continue;
    chart.labels.push_back(layer.name);
    for (size_t i = 0; i < values.size(); ++i) chart.series[i].values.push_back(values[i]);
  }
  // A series without any value or with nothing but zeros only fills the legend.
  std::erase_if(chart.series, [](const ChartSeries& each) {
    return std::none_of(each.values.begin(), each.values.end(),
                        [](const auto& value) { return value && *value != 0.0; });
  });
}

void keep(std::vector<Chart>& charts, Chart chart) {
  if (!chart.labels.empty() && !chart.series.empty()) charts.push_back(std::move(chart));
}

Value column_value(const Report& report, std::string_view key) {
  for (const LayerColumn& column : layer_columns()) {
    if (column.key != key) continue;
    const auto value = column.value;
    return [&report, value](const LayerRow& layer) -> std::optional<double> {
      const Cell cell = value(layer, report);
      const double* number = std::get_if<double>(&cell);
      return number != nullptr ? std::optional(*number) : std::nullopt;
    };
  }
  check_failed("layer column", __FILE__, __LINE__);
}

Value zeros(std::optional<Statistics> LayerRow::*density) {
  return [density](const LayerRow& layer) -> std::optional<double> {
    if (!(layer.*density)) return std::nullopt;
    return 1.0 - (layer.*density)->mean;
  };
}

// One bar a memory and kind of data; counts span powers of ten, so the axis is logarithmic.
Chart traffic_by_level(const Report& report, const Stats& stats) {
  Chart chart{"traffic-level",
              "Traffic by memory and kind of data",
              "One input, logarithmic: the nearer a memory is to the multipliers, the more it moves and the "
              "less a bit costs.",
              "",
              Chart::Kind::horizontal_logarithmic_bars,
              ChartUnit::bits,
              {},
              {{"read", 0, {}}, {"written", 1, {}}},
              "memory: data"};
  const auto some = [&](Bits bits) {
    const double mean = per_input(static_cast<double>(bits.number()), report);
    return mean > 0 ? std::optional(mean) : std::nullopt;
  };
  for (size_t level = 0; level < kMemoryLevels; ++level) {
    for (size_t kind = 0; kind < kDataKinds; ++kind) {
      const Traffic& moved = stats.traffic[level][kind];
      if (moved.read + moved.written == Bits(0)) continue;
      chart.labels.push_back(title_of(name_of(static_cast<MemoryLevel>(level))) + ": " +
                             title_of(name_of(static_cast<DataKind>(kind))));
      chart.series[0].values.push_back(some(moved.read));
      chart.series[1].values.push_back(some(moved.written));
    }
  }
  return chart;
}

// Energy of every layer, split by a function of the breakdown.
Chart energy_by_layer(const Report& report, const EnergyBreakdown& total,
                      std::vector<EnergyShare> (*shares_of)(const EnergyBreakdown&),
                      const std::function<int(const std::string&)>& colour) {
  Chart chart;
  chart.kind = Chart::Kind::stacked_bars;
  chart.unit = ChartUnit::picojoules;
  chart.y_title = "energy per input";
  std::vector<std::pair<ChartSeries, Value>> series;
  for (const EnergyShare& share : shares_of(total)) {
    const std::string name = share.name;
    series.push_back({{title_of(name), colour(name), {}}, [&report, shares_of, name](const LayerRow& layer) {
                        std::optional<double> value;
                        if (!layer.energy) return value;
                        value = 0.0;
                        for (const EnergyShare& each : shares_of(*layer.energy)) {
                          if (each.name == name) value = per_input(each.energy_pJ, report);
                        }
                        return value;
                      }});
  }
  fill(chart, report, series);
  return chart;
}

Chart core_and_dram(const Report& report, const EnergyBreakdown& energy) {
  Chart chart{
      "energy-dram",
      energy.has_core ? "The core, and the core with DRAM" : "DRAM (the chip's own energy is not known)",
      "What DRAM costs per bit differs by a factor of ten between sources, so the same traffic "
      "stands here at each.",
      "",
      Chart::Kind::horizontal_stacked_bars,
      ChartUnit::picojoules,
      {},
      {{"core", 0, {}}, {"DRAM", 1, {}}},
      "DRAM cost"};
  const auto add = [&](std::string label, double dram_pJ) {
    chart.labels.push_back(std::move(label));
    chart.series[0].values.push_back(per_input(energy.core_pJ(), report));
    chart.series[1].values.push_back(per_input(dram_pJ, report));
  };
  if (energy.has_core) add("core only", 0.0);
  const std::string usual = energy.dram_costs.empty() ? "" : energy.dram_costs.front().name;
  std::vector<DramEnergy> costs = energy.dram_costs;
  std::stable_sort(costs.begin(), costs.end(), [](const DramEnergy& a, const DramEnergy& b) {
    return a.cost_pJ_per_bit < b.cost_pJ_per_bit;
  });
  for (const DramEnergy& cost : costs) {
    add(fmt::format("{}, {:g} pJ/bit{}{}", cost.title, cost.cost_pJ_per_bit,
                    cost.name == usual ? " (default)" : "", cost.is_weak ? " (orientation)" : ""),
        cost.energy_pJ);
  }
  if (!energy.has_core) chart.series.erase(chart.series.begin());
  return chart;
}

Value relative_size(std::optional<EncodedSizes> LayerRow::*which,
                    std::optional<double> EncodedSizes::*encoding) {
  return [which, encoding](const LayerRow& layer) -> std::optional<double> {
    if (!(layer.*which)) return std::nullopt;
    const std::optional<double>& bits = (*(layer.*which)).*encoding;
    const double dense = (layer.*which)->dense_bits;
    return bits && dense > 0 ? std::optional(*bits / dense) : std::nullopt;
  };
}

Chart encodings_of(const Report& report, std::optional<EncodedSizes> LayerRow::*which, std::string id,
                   std::string title) {
  Chart chart{std::move(id),
              std::move(title),
              "Below the line at 1 the code is smaller than the dense tensor.",
              "size / dense size",
              Chart::Kind::points,
              ChartUnit::ratio,
              {},
              {}};
  fill(chart, report,
       {{{"sparsity map", 0, {}}, relative_size(which, &EncodedSizes::sparsity_map_bits)},
        {{"run length", 1, {}}, relative_size(which, &EncodedSizes::run_length_bits)},
        {{"CSC", 2, {}}, relative_size(which, &EncodedSizes::csc_bits)},
        {{"entropy bound", 6, {}}, relative_size(which, &EncodedSizes::entropy_bits)}});
  return chart;
}

}  // namespace

std::vector<Chart> sparsity_charts(const Report& report) {
  Chart chart{"zeros",
              "Zeros in the feature maps",
              "Every zero is a multiplication that need not be done and a word that need not be stored.",
              "zeros",
              Chart::Kind::bars,
              ChartUnit::fraction,
              {},
              {}};
  if (report.inputs > 1) chart.caption += " The thin lines span the lowest and the highest of all inputs.";
  fill(chart, report,
       {{{"input", 0, {}}, zeros(&LayerRow::input_density)},
        {{"output", 2, {}}, zeros(&LayerRow::output_density)}});
  for (ChartSeries& series : chart.series) {
    if (report.inputs <= 1) break;
    for (const LayerRow& layer : report.layers) {
      if (!layer.input_density && !layer.output_density) continue;
      const std::optional<Statistics>& density =
          series.name == "input" ? layer.input_density : layer.output_density;
      series.lowest.push_back(density ? std::optional(1.0 - density->highest) : std::nullopt);
      series.highest.push_back(density ? std::optional(1.0 - density->lowest) : std::nullopt);
    }
  }
  std::vector<Chart> charts;
  keep(charts, std::move(chart));
  return charts;
}

std::vector<Chart> time_charts(const Report& report) {
  Chart phases{"cycles",
               "Cycles by phase",
               "Time that is hidden behind other work is not shown: the parts add up to the latency.",
               "cycles per input",
               Chart::Kind::stacked_bars,
               ChartUnit::cycles,
               {},
               {}};
  std::vector<std::pair<ChartSeries, Value>> series;
  for (size_t i = 0; i < kPhases; ++i) {
    const std::string phase(name_of(static_cast<Phase>(i)));
    series.push_back({{title_of(phase), phase_colour(static_cast<Phase>(i)), {}},
                      column_value(report, phase + "_cycles")});
  }
  fill(phases, report, series);
  Chart busy{"utilisation",
             "How busy the multipliers are",
             "Useful multiplications per multiplier and cycle, all phases counted.",
             "utilisation",
             Chart::Kind::bars,
             ChartUnit::fraction,
             {},
             {}};
  fill(busy, report, {{{"utilisation", 0, {}}, column_value(report, "utilisation_fraction")}});
  std::vector<Chart> charts;
  keep(charts, std::move(phases));
  keep(charts, std::move(busy));
  return charts;
}

std::vector<Chart> traffic_charts(const Report& report) {
  std::vector<Chart> charts;
  const Totals totals = totals_of(report);
  if (!totals.stats) return charts;
  Chart dram{"dram",
             "DRAM traffic by layer",
             "Reads and writes together.",
             "traffic per input",
             Chart::Kind::stacked_bars,
             ChartUnit::bits,
             {},
             {}};
  std::vector<std::pair<ChartSeries, Value>> series;
  for (size_t i = 0; i < kDataKinds; ++i) {
    const DataKind kind = static_cast<DataKind>(i);
    series.push_back(
        {{title_of(name_of(kind)), kind_colour(kind), {}}, [&report, kind](const LayerRow& layer) {
           std::optional<double> value;
           if (!layer.stats) return value;
           const Traffic& moved = layer.stats->at(MemoryLevel::dram, kind);
           value = per_input(static_cast<double>((moved.read + moved.written).number()), report);
           return value;
         }});
  }
  fill(dram, report, series);
  keep(charts, std::move(dram));
  keep(charts, traffic_by_level(report, *totals.stats));
  return charts;
}

std::vector<Chart> energy_charts(const Report& report) {
  std::vector<Chart> charts;
  const Totals totals = totals_of(report);
  if (!totals.energy) return charts;
  Chart levels = energy_by_layer(report, *totals.energy, energy_by_level, level_colour);
  levels.id = "energy-level";
  levels.title = "Energy by memory level";
  levels.caption =
      "Counts times unit costs, DRAM at the default cost. The table of entries below traces every picojoule.";
  Chart kinds = energy_by_layer(report, *totals.energy, energy_by_data_kind, data_colour);
  kinds.id = "energy-data";
  kinds.title = "Energy by kind of data";
  kinds.caption = "The same energy, split by what was moved or computed.";
  keep(charts, std::move(levels));
  keep(charts, std::move(kinds));
  keep(charts, core_and_dram(report, *totals.energy));
  return charts;
}

std::vector<Chart> encoding_charts(const Report& report) {
  std::vector<Chart> charts;
  keep(charts, encodings_of(report, &LayerRow::input_size, "encodings-input", "Input feature maps, encoded"));
  keep(charts, encodings_of(report, &LayerRow::weight_size, "encodings-weights", "Weights, encoded"));
  return charts;
}

std::vector<Chart> error_charts(const Report& report) {
  Chart chart{
      "error",
      "Integer against float",
      "Signal-to-noise ratio of each layer's integer output against the float result: higher is closer.",
      "SNR",
      Chart::Kind::bars,
      ChartUnit::decibels,
      {},
      {}};
  fill(chart, report, {{{"signal to noise", 0, {}}, column_value(report, "signal_to_noise_dB")}});
  std::vector<Chart> charts;
  keep(charts, std::move(chart));
  return charts;
}

std::optional<RooflineChart> roofline_chart(const Report& report) {
  if (!report.chip) return std::nullopt;
  const Roofline roof = roofline(*report.chip);
  RooflineChart chart{roof.peak_ops_per_second, roof.dram_bytes_per_second, {}};
  for (const LayerRow& layer : report.layers) {
    if (!layer.stats || layer.stats->cycles() == Cycles(0)) continue;
    const Traffic moved = layer.stats->at(MemoryLevel::dram);
    const double done = static_cast<double>(layer.stats->macs_done);
    const double intensity = operational_intensity(done, moved.read, moved.written);
    const double seconds = (layer.stats->cycles() / report.chip->clock).number();
    if (std::isfinite(intensity) && intensity > 0)
      chart.points.push_back({layer.name, intensity, 2.0 * done / seconds});
  }
  return chart.points.empty() || !(roof.peak_ops_per_second > 0) ? std::nullopt : std::optional(chart);
}

std::string chart_number(double value, ChartUnit unit) {
  switch (unit) {
    case ChartUnit::count:
    case ChartUnit::cycles:
      return count_text(value);
    case ChartUnit::fraction:
      return percent_text(value);
    case ChartUnit::bits:
      return bits_text(value);
    case ChartUnit::picojoules:
      return energy_text(value);
    case ChartUnit::decibels:
      return decibel_text(value) + " dB";
    case ChartUnit::ratio:
      return fmt::format("{:.3f}", value);
  }
  return "";
}

}  // namespace deltahop
