// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/map_findings.h"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace deltahop {
namespace {

// Of some layers on one chip.
struct Sum {
  double macs = 0, cycles = 0, dram_words = 0, needed_words = 0;
  EnergyShares energy;
  double bound = 0;
  double per_mac(double energy_sum) const { return energy_sum / macs; }
};

void add_layer(const LayerToMap& layer, const MappedLayer& mapped, Sum& sum) {
  const auto times = static_cast<double>(layer.repeats);
  sum.macs += times * static_cast<double>(mapped.counts.macs);
  sum.cycles += times * static_cast<double>(mapped.counts.cycles);
  for (const Operand operand : kAllOperands) {
    sum.dram_words += times * static_cast<double>(mapped.counts.levels[0][index_of(operand)].total());
    sum.needed_words += times * static_cast<double>(layer.problem.elements(operand));
  }
  sum.energy.add(mapped.energy, times);
  sum.bound += times * mapped.energy_bound;
}

enum class Part { convolutions, products, all };
constexpr std::array<std::pair<Part, std::string_view>, 3> kParts = {
    {{Part::convolutions, "CONV"}, {Part::products, "FC"}, {Part::all, "all"}}};

// Absent where no layer is of that part.
std::optional<Sum> sum_of(const MapReportSources& sources, size_t chip, Part part) {
  Sum sum;
  for (size_t l = 0; l < sources.layers.size(); ++l) {
    if (part != Part::all && sources.layers[l].is_convolution != (part == Part::convolutions)) continue;
    add_layer(sources.layers[l], sources.results[chip][l], sum);
  }
  return sum.macs > 0 ? std::optional(sum) : std::nullopt;
}

std::string unit_of(const MapReportSources& sources) { return sources.chips.front().costs.unit; }
std::string unit_text(const MapReportSources& sources) {
  return unit_of(sources) == "MACs" ? "MAC energies" : unit_of(sources);
}

std::string key_of(std::string_view what, const MapReportSources& sources) {
  std::string key(what);
  std::transform(key.begin(), key.end(), key.begin(), [](unsigned char c) { return std::tolower(c); });
  return fmt::format("{}_{}_per_mac", key, unit_of(sources));
}

FindingsTable layers_table(const MapReportSources& sources) {
  FindingsTable table{
      "layers",
      "The best mapping of each layer",
      "Energy for a multiplication, beside the least that any mapping onto these storage levels could spend. "
      "'Proven': no mapping of the searched space does better.",
      {{"architecture", "arch", NumberStyle::plain, true},
       {"layer", "layer", NumberStyle::plain, true},
       {"macs", "MACs", NumberStyle::count},
       {key_of("energy", sources), "energy", NumberStyle::rounded},
       {key_of("energy_bound", sources), "at least", NumberStyle::rounded},
       {"utilisation_fraction", "busy", NumberStyle::percent},
       {"cycles", "cycles", NumberStyle::count},
       {"proof", "proven", NumberStyle::plain, true},
       {"nodes", "nodes", NumberStyle::count},
       {"search_s", "time", NumberStyle::seconds},
       {"objective_value", "value", NumberStyle::plain, false, true},
       {"objective_bound", "bound", NumberStyle::plain, false, true},
       {"mappings_tried", "tried", NumberStyle::plain, false, true},
       {"dram_words", "DRAM words", NumberStyle::plain, false, true},
       {"kind", "kind", NumberStyle::plain, true, true}},
      {}};
  for (size_t c = 0; c < sources.chips.size(); ++c) {
    for (size_t l = 0; l < sources.layers.size(); ++l) {
      const MappedLayer& mapped = sources.results[c][l];
      Sum sum;
      add_layer(sources.layers[l], mapped, sum);
      table.rows.push_back({sources.chips[c].name, sources.layers[l].name, sum.macs,
                            sum.per_mac(sum.energy.total()), sum.per_mac(sum.bound),
                            mapped.counts.utilisation(sources.chips[c].hierarchy), sum.cycles,
                            mapped.is_searched ? "yes" : "as given", static_cast<double>(mapped.nodes),
                            mapped.seconds, mapped.value, mapped.value_bound,
                            static_cast<double>(mapped.tried), sum.dram_words, sources.layers[l].kind});
    }
  }
  return table;
}

std::vector<FindingsColumn> share_columns(const MapReportSources& sources) {
  std::vector<FindingsColumn> columns;
  for (const std::string_view place : kEnergyPlaces)
    columns.push_back({key_of(place, sources), std::string(place), NumberStyle::rounded});
  for (const Operand operand : kAllOperands)
    columns.push_back(
        {key_of(name_of(operand), sources), std::string(name_of(operand)), NumberStyle::rounded});
  return columns;
}

void add_shares(const Sum& sum, std::vector<FindingsCell>& row) {
  for (const double share : sum.energy.by_place) row.emplace_back(sum.per_mac(share));
  for (const double share : sum.energy.by_operand) row.emplace_back(sum.per_mac(share));
}

FindingsTable energy_table(const MapReportSources& sources) {
  FindingsTable table{
      "energy",
      fmt::format("Where the energy of a MAC goes, in units of {}", unit_text(sources)),
      "By place, and without the ALU by what is moved; both sum to the same.",
      {{"architecture", "arch", NumberStyle::plain, true}, {"layer", "layer", NumberStyle::plain, true}},
      {}};
  for (const FindingsColumn& column : share_columns(sources)) table.columns.push_back(column);
  for (size_t c = 0; c < sources.chips.size(); ++c) {
    for (size_t l = 0; l < sources.layers.size(); ++l) {
      Sum sum;
      add_layer(sources.layers[l], sources.results[c][l], sum);
      std::vector<FindingsCell> row = {sources.chips[c].name, sources.layers[l].name};
      add_shares(sum, row);
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

FindingsTable totals_table(const MapReportSources& sources) {
  FindingsTable table{
      "totals",
      "Convolutions and fully connected layers, for a MAC",
      fmt::format("'Against' divides an architecture's energy by that of {}.", sources.chips.front().name),
      {{"architecture", "arch", NumberStyle::plain, true},
       {"part", "part", NumberStyle::plain, true},
       {key_of("energy", sources), "energy", NumberStyle::rounded},
       {"energy_against_first", "against", NumberStyle::ratio}},
      {}};
  for (const FindingsColumn& column : share_columns(sources)) table.columns.push_back(column);
  table.columns.push_back({"cycles", "cycles", NumberStyle::count, false, true});
  table.columns.push_back({"macs", "MACs", NumberStyle::count, false, true});
  table.columns.push_back({"energy_" + unit_of(sources), "energy", NumberStyle::plain, false, true});
  for (const auto& [part, name] : kParts) {
    const std::optional<Sum> first = sum_of(sources, 0, part);
    for (size_t c = 0; c < sources.chips.size() && first; ++c) {
      const Sum sum = *sum_of(sources, c, part);
      std::vector<FindingsCell> row = {sources.chips[c].name, std::string(name),
                                       sum.per_mac(sum.energy.total()),
                                       sum.energy.total() / first->energy.total()};
      add_shares(sum, row);
      row.insert(row.end(), {sum.cycles, sum.macs, sum.energy.total()});
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

FindingsTable dram_table(const MapReportSources& sources) {
  FindingsTable table{"dram",
                      "Words to and from DRAM",
                      "Without any reuse: both factors and the sum, read and written, for every MAC. At best "
                      "every weight, input "
                      "and output moves once; inputs with their padding.",
                      {{"architecture", "arch", NumberStyle::plain, true},
                       {"part", "part", NumberStyle::plain, true},
                       {"without_reuse_words", "without reuse", NumberStyle::count},
                       {"mapped_words", "mapped", NumberStyle::count},
                       {"once_words", "each once", NumberStyle::count},
                       {"mapped_words_per_mac", "mapped, a MAC", NumberStyle::rounded}},
                      {}};
  for (const auto& [part, name] : kParts) {
    for (size_t c = 0; c < sources.chips.size(); ++c) {
      const std::optional<Sum> sum = sum_of(sources, c, part);
      if (!sum) continue;
      table.rows.push_back({sources.chips[c].name, std::string(name), 4 * sum->macs, sum->dram_words,
                            sum->needed_words, sum->dram_words / sum->macs});
    }
  }
  return table;
}

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

void add_places(const Sum& sum, Chart& chart) {
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
    const Sum sum = *sum_of(sources, c, part);
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
    Sum sum;
    add_layer(sources.layers[l], sources.results[chip][l], sum);
    chart.labels.push_back(sources.layers[l].name);
    for (size_t i = 0; i < kEnergyPlaces.size(); ++i)
      chart.series[i].values.emplace_back(sum.energy.by_place[i]);
  }
  return chart;
}

std::vector<std::string> notes_of(const MapReportSources& sources) {
  std::vector<std::string> notes = {
      fmt::format(
          "Costs: {} ({}{}{}), one word of {} bits: MAC {:g}, RF {:g}, array {:g}, buffer {:g}, DRAM {:g}.",
          sources.chips[0].costs.name, sources.chips[0].costs.summary,
          sources.chips[0].costs.citation.empty() ? "" : " ", sources.chips[0].costs.citation,
          sources.chips[0].word_bits, sources.chips[0].costs.mac, sources.chips[0].costs.element,
          sources.chips[0].costs.hop, sources.chips[0].costs.buffer, sources.chips[0].costs.dram),
      "Dense: zeros are multiplied and moved like any other value, and inputs move with their padding.",
      "Cycles are those of the busiest element, one multiplication each; waiting for DRAM or buffer is not "
      "in "
      "them."};
  for (const ArrayChip& chip : sources.chips) {
    for (const std::string& note : chip.notes) {
      const std::string own = fmt::format("{}: {}", chip.name, note);
      if (std::find(notes.begin(), notes.end(), own) == notes.end()) notes.push_back(own);
    }
  }
  if (std::any_of(sources.layers.begin(), sources.layers.end(),
                  [](const LayerToMap& layer) { return layer.repeats > 1; }))
    notes.emplace_back("A recurrent layer is mapped for one time step; its steps follow one another.");
  return notes;
}

std::string objective_text(Objective objective) {
  switch (objective) {
    case Objective::energy:
      return "least energy";
    case Objective::cycles:
      return "fewest cycles";
    default:
      return "least energy times cycles";
  }
}

}  // namespace

Findings map_findings(const MapReportSources& sources) {
  Findings findings;
  std::vector<std::string> names;
  for (const ArrayChip& chip : sources.chips) names.push_back(chip.name);
  findings.title = fmt::format("{} mapped onto {}, {}, batch {}", sources.network, fmt::join(names, ", "),
                               objective_text(sources.objective), sources.batch);
  findings.command = "map";
  findings.provenance = sources.provenance;
  double nodes = 0, seconds = 0;
  for (size_t c = 0; c < sources.chips.size(); ++c) {
    const Sum sum = *sum_of(sources, c, Part::all);
    findings.figures.push_back(
        {fmt::format("{}_{}", names[c], key_of("energy", sources)),
         fmt::format("{}, energy for a MAC", names[c]), sum.per_mac(sum.energy.total()), NumberStyle::rounded,
         fmt::format("in {}; at least {:.4g}; {:.3g} words to DRAM for 1000 MACs", unit_text(sources),
                     sum.per_mac(sum.bound), 1000 * sum.dram_words / sum.macs)});
    for (const MappedLayer& layer : sources.results[c])
      nodes += static_cast<double>(layer.nodes), seconds += layer.seconds;
  }
  if (nodes > 0) {
    findings.figures.push_back({"search_s", "search", seconds, NumberStyle::seconds,
                                fmt::format("of one thread; {:.3g} partial mappings looked at", nodes)});
  }
  findings.lead = fmt::format(
      "Every layer in its best mapping, {}: {} for a MAC on {}.", objective_text(sources.objective),
      fmt::format("{:.4g} ({})", *findings.figures[0].value, unit_text(sources)), names[0]);
  findings.tables = {layers_table(sources), energy_table(sources), totals_table(sources),
                     dram_table(sources)};
  for (size_t i = 0; i < 2; ++i) add_part_charts(sources, kParts[i].first, kParts[i].second, findings.charts);
  for (size_t c = 0; c < sources.chips.size(); ++c) findings.charts.push_back(layers_chart(sources, c));
  findings.notes = notes_of(sources);
  return findings;
}

std::string nests_text(const MapReportSources& sources, size_t layer) {
  std::string text;
  for (size_t c = 0; c < sources.chips.size(); ++c) {
    text += fmt::format("\n{} on {}\n", sources.layers[layer].name, sources.chips[c].name);
    text +=
        to_text(sources.layers[layer].problem, sources.chips[c].hierarchy, sources.results[c][layer].mapping);
  }
  return text;
}

FindingsTable nests_table(const MapReportSources& sources, size_t layer) {
  FindingsTable table{
      "nests",
      fmt::format("Loops of {}", sources.layers[layer].name),
      "Outermost first.",
      {{"architecture", "arch", NumberStyle::plain, true}, {"loop", "loop", NumberStyle::plain, true}},
      {}};
  for (size_t c = 0; c < sources.chips.size(); ++c) {
    std::istringstream lines(to_text(sources.layers[layer].problem, sources.chips[c].hierarchy,
                                     sources.results[c][layer].mapping));
    for (std::string line; std::getline(lines, line);) table.rows.push_back({sources.chips[c].name, line});
  }
  return table;
}

}  // namespace deltahop
