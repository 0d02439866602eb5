// SPDX-License-Identifier: Apache-2.0
// The roofline of mapped layers: work for a byte of DRAM traffic against work for a cycle, or for a second
// where the chip has a clock. [Williams2009]
#include <algorithm>

#include <fmt/format.h>

#include "deltahop/cli/map_sums.h"
#include "deltahop/hardware/roofline.h"

namespace deltahop {
namespace {

// In operations a second if all chips have a clock, else a cycle: then one cycle is one second here.
struct Scale {
  bool has_clock = true;
  double per_cycle(const ArrayChip& chip) const { return has_clock ? chip.clock.number() : 1.0; }
  std::string unit() const { return has_clock ? "Op/s" : "Op/cycle"; }
};

Scale scale_of(const MapReportSources& sources) {
  return {std::all_of(sources.chips.begin(), sources.chips.end(),
                      [](const ArrayChip& chip) { return chip.clock > Hertz(0); })};
}

Roofline roof_of(const ArrayChip& chip, const Scale& scale) {
  const double cycles = scale.per_cycle(chip);
  Roofline roof{.peak_ops_per_second = 2.0 * static_cast<double>(chip.hierarchy.elements()) * cycles,
                .dram_bytes_per_second = chip.dram_bytes_per_cycle * cycles};
  if (roof.dram_bytes_per_second > 0)
    roof.ridge_ops_per_byte = roof.peak_ops_per_second / roof.dram_bytes_per_second;
  return roof;
}

double intensity_of(const MapSum& sum) { return 2.0 * sum.done_macs / sum.dram_bytes; }

void add_roof(const Roofline& roof, double lowest, double highest, std::string name, ScatterChart& chart) {
  ScatterChart::Series line{std::move(name), 6, true, {}};
  const double ridge = roof.ridge_ops_per_byte;
  if (ridge > lowest) line.points.push_back({"", lowest, attainable_ops_per_second(roof, lowest)});
  line.points.push_back({"", std::max(lowest, ridge), roof.peak_ops_per_second});
  if (highest > ridge) line.points.push_back({"", highest, roof.peak_ops_per_second});
  chart.series.push_back(std::move(line));
}

}  // namespace

FindingsTable map_roofline_table(const MapReportSources& sources) {
  const Scale scale = scale_of(sources);
  const std::string key = scale.has_clock ? "second" : "cycle";
  FindingsTable table{"roofline",
                      "Roofline",
                      "Two operations a multiplication; those that zeros save do not count. DRAM traffic "
                      "both ways together. The "
                      "roof: as many multiplications as there are elements, or what the way to DRAM feeds "
                      "where its bandwidth is given.",
                      {{"architecture", "arch", NumberStyle::plain, true},
                       {"layer", "layer", NumberStyle::plain, true},
                       {"ops_per_byte", "Op/B", NumberStyle::rounded},
                       {"ops_per_" + key, scale.unit(), NumberStyle::count},
                       {"roof_ops_per_" + key, "roof", NumberStyle::count},
                       {"of_roof_fraction", "of the roof", NumberStyle::percent},
                       {"bound", "bound", NumberStyle::plain, true}},
                      {}};
  for (size_t c = 0; c < sources.chips.size(); ++c) {
    const Roofline roof = roof_of(sources.chips[c], scale);
    for (size_t l = 0; l < sources.layers.size(); ++l) {
      const MapSum sum = sum_of_layer(sources, c, l);
      if (!(sum.dram_bytes > 0)) continue;
      const double intensity = intensity_of(sum);
      const double attained = 2.0 * sum.done_macs / sum.delay_cycles * scale.per_cycle(sources.chips[c]);
      const double most = attainable_ops_per_second(roof, intensity);
      table.rows.push_back({sources.chips[c].name, sources.layers[l].name, intensity, attained, most,
                            attained / most, intensity < roof.ridge_ops_per_byte ? "DRAM" : "array"});
    }
  }
  return table;
}

ScatterChart map_roofline_chart(const MapReportSources& sources) {
  const Scale scale = scale_of(sources);
  ScatterChart chart{
      .id = "map_roofline",
      .title = "Roofline",
      .caption =
          "Work done against work for a byte of DRAM traffic, a point a layer: under the slope DRAM is the "
          "bound, under the flat part the elements.",
      .x_title = "operations for a byte of DRAM traffic",
      .x_unit = "number",
      .y_title = scale.has_clock ? "operations a second" : "operations a cycle",
      .y_unit = scale.has_clock ? "Op/s" : "Op",
      .whole_decades = true,
      .series = {}};
  double lowest = 1e300, highest = 0;
  for (size_t c = 0; c < sources.chips.size(); ++c) {
    ScatterChart::Series series{sources.chips[c].name, static_cast<int>(c % 6), false, {}};
    for (size_t l = 0; l < sources.layers.size(); ++l) {
      const MapSum sum = sum_of_layer(sources, c, l);
      if (!(sum.dram_bytes > 0 && sum.done_macs > 0)) continue;
      const double intensity = intensity_of(sum);
      lowest = std::min(lowest, intensity), highest = std::max(highest, intensity);
      series.points.push_back({sources.layers[l].name, intensity,
                               2.0 * sum.done_macs / sum.delay_cycles * scale.per_cycle(sources.chips[c])});
    }
    chart.series.push_back(std::move(series));
  }
  std::vector<std::pair<double, double>> seen;
  for (const ArrayChip& chip : sources.chips) {
    const Roofline roof = roof_of(chip, scale);
    const std::pair key{roof.peak_ops_per_second, roof.dram_bytes_per_second};
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) continue;
    seen.push_back(key);
    const double end = std::max(highest, 2 * roof.ridge_ops_per_byte);
    add_roof(roof, lowest / 2, 2 * end, fmt::format("roof{}", seen.size() > 1 ? " of " + chip.name : ""),
             chart);
  }
  return chart;
}

}  // namespace deltahop
