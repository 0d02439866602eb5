// SPDX-License-Identifier: Apache-2.0
// The charts of 'deltahop map': where energy goes, for convolutions, for fully connected layers, layer by
// layer.
#include <fmt/format.h>

#include "deltahop/cli/map_sums.h"

namespace deltahop {
namespace {

constexpr std::array<int, 5> kPlaceColours = {5, 1, 3, 4, 0};

Chart share_chart(const MapReportSources& sources, std::string id, std::string title, std::string caption) {
  Chart chart{std::move(id),
              std::move(title),
              std::move(caption),
              fmt::format("for a MAC, {}", unit_text(sources)),
              Chart::Kind::stacked_bars,
              unit_of(sources) == "pJ" ? ChartUnit::picojoules : ChartUnit::ratio,
              {},
              {},
              "architecture"};
  return chart;
}

void add_place_series(Chart& chart) {
  for (size_t i = 0; i < kEnergyPlaces.size(); ++i)
    chart.series.push_back({std::string(kEnergyPlaces[i]), kPlaceColours[i], {}});
}

void add_places(const MapSum& sum, Chart& chart) {
  for (size_t i = 0; i < kEnergyPlaces.size(); ++i)
    chart.series[i].values.emplace_back(sum.per_mac(sum.energy.by_place[i]));
}

// Figures 33 (convolutions) and 34 (fully connected): by place and by data.
void add_part_charts(const MapReportSources& sources, Part part, std::string_view name,
                     std::vector<Chart>& charts) {
  if (!sum_of(sources, 0, part)) return;
  Chart places =
      share_chart(sources, fmt::format("places_{}", name), fmt::format("{} layers, by place", name),
                  "Energy of a MAC by where it is spent ([Sze2017] figures 33a and 34a).");
  add_place_series(places);
  Chart data = share_chart(sources, fmt::format("data_{}", name), fmt::format("{} layers, by data", name),
                           "The same without the ALU, by what is moved (figures 33b and 34b).");
  for (const Operand operand : kAllOperands)
    data.series.push_back({std::string(name_of(operand)), static_cast<int>(index_of(operand)), {}});
  for (size_t c = 0; c < sources.chips.size(); ++c) {
    const MapSum sum = *sum_of(sources, c, part);
    places.labels.push_back(sources.chips[c].name);
    data.labels.push_back(sources.chips[c].name);
    add_places(sum, places);
    for (size_t i = 0; i < kOperands; ++i)
      data.series[i].values.emplace_back(sum.per_mac(sum.energy.by_operand[i]));
  }
  charts.push_back(std::move(places));
  charts.push_back(std::move(data));
}

// Figure 35: the layers of one architecture.
Chart layers_chart(const MapReportSources& sources, size_t chip) {
  Chart chart = share_chart(sources, fmt::format("layers_{}", chip),
                            fmt::format("Layers on {}", sources.chips[chip].name),
                            "Energy of each layer by where it is spent ([Sze2017] figure 35).");
  chart.label_header = "layer";
  chart.y_title = fmt::format("in all, {}", unit_text(sources));
  if (chart.unit == ChartUnit::ratio) chart.unit = ChartUnit::count;
  add_place_series(chart);
  for (size_t l = 0; l < sources.layers.size(); ++l) {
    const MapSum sum = sum_of_layer(sources, chip, l);
    chart.labels.push_back(sources.layers[l].name);
    for (size_t i = 0; i < kEnergyPlaces.size(); ++i)
      chart.series[i].values.emplace_back(sum.energy.by_place[i]);
  }
  return chart;
}

}  // namespace

std::vector<Chart> map_charts(const MapReportSources& sources) {
  std::vector<Chart> charts;
  for (size_t i = 0; i < 2; ++i) add_part_charts(sources, kParts[i].first, kParts[i].second, charts);
  for (size_t c = 0; c < sources.chips.size(); ++c) charts.push_back(layers_chart(sources, c));
  return charts;
}

}  // namespace deltahop
