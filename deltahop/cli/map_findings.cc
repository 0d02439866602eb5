// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/map_findings.h"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "deltahop/cli/map_sums.h"
#include "deltahop/cli/mapping_picture.h"

namespace deltahop {
namespace {

std::string key_name(std::string name) {
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
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
      "Energy for a multiplication, beside the least that any mapping onto these storage levels could spend; "
      "'bound': the same for another objective. "
      "'Proven': no mapping of the searched space does better.",
      {{"architecture", "arch", NumberStyle::plain, true},
       {"layer", "layer", NumberStyle::plain, true},
       {"macs", "MACs", NumberStyle::count},
       {key_of("energy", sources), "energy", NumberStyle::rounded},
       {key_of("energy_bound", sources), "at least", NumberStyle::rounded},
       {"utilisation_fraction", "busy", NumberStyle::percent},
       {"cycles", "cycles", NumberStyle::count},
       {"waiting_cycles", "with waiting", NumberStyle::count, false, !any_skips(sources)},
       {"proof", "proven", NumberStyle::plain, true},
       {"nodes", "nodes", NumberStyle::count},
       {"search_s", "time", NumberStyle::seconds},
       {"objective_value", "value", NumberStyle::plain, false, true},
       {"objective_bound", "bound", NumberStyle::count, false, sources.objective == Objective::energy},
       {"mappings_tried", "tried", NumberStyle::plain, false, true},
       {"dram_words", "DRAM words", NumberStyle::plain, false, true},
       {"kind", "kind", NumberStyle::plain, true, true}},
      {}};
  for (size_t c = 0; c < sources.chips.size(); ++c) {
    for (size_t l = 0; l < sources.layers.size(); ++l) {
      const MappedLayer& mapped = sources.results[c][l];
      const MapSum sum = sum_of_layer(sources, c, l);
      table.rows.push_back(
          {sources.chips[c].name, sources.layers[l].name, sum.macs, sum.per_mac(sum.energy.total()),
           sum.per_mac(sum.bound), mapped.counts.utilisation(sources.chips[c].hierarchy), sum.cycles,
           sum.waiting_cycles, mapped.is_searched ? "yes" : "as given", static_cast<double>(mapped.nodes),
           mapped.seconds, mapped.value, mapped.value_bound, static_cast<double>(mapped.tried),
           sum.dram_words, sources.layers[l].kind});
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

void add_shares(const MapSum& sum, std::vector<FindingsCell>& row) {
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
      const MapSum sum = sum_of_layer(sources, c, l);
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
  table.columns.push_back({"waiting_cycles", "with waiting", NumberStyle::count, false, true});
  table.columns.push_back({"macs", "MACs", NumberStyle::count, false, true});
  table.columns.push_back({"done_macs", "done", NumberStyle::count, false, true});
  table.columns.push_back({"energy_" + unit_of(sources), "energy", NumberStyle::plain, false, true});
  for (const auto& [part, name] : kParts) {
    const std::optional<MapSum> first = sum_of(sources, 0, part);
    for (size_t c = 0; c < sources.chips.size() && first; ++c) {
      const MapSum sum = *sum_of(sources, c, part);
      std::vector<FindingsCell> row = {sources.chips[c].name, std::string(name),
                                       sum.per_mac(sum.energy.total()),
                                       sum.energy.total() / first->energy.total()};
      add_shares(sum, row);
      row.insert(row.end(), {sum.cycles, sum.waiting_cycles, sum.macs, sum.done_macs, sum.energy.total()});
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

FindingsTable dram_table(const MapReportSources& sources) {
  FindingsTable table{
      "dram",
      "Words to and from DRAM",
      "Without any reuse: both factors and the sum, read and written, for every MAC. At best "
      "every weight, input "
      "and output moves once; inputs with their padding. Moved: in words of full size, as zeros leave them.",
      {{"architecture", "arch", NumberStyle::plain, true},
       {"part", "part", NumberStyle::plain, true},
       {"without_reuse_words", "without reuse", NumberStyle::count},
       {"mapped_words", "mapped", NumberStyle::count},
       {"moved_words", "moved", NumberStyle::count, false, !any_zeros(sources)},
       {"once_words", "each once", NumberStyle::count},
       {"mapped_words_per_mac", "mapped, a MAC", NumberStyle::rounded}},
      {}};
  for (const auto& [part, name] : kParts) {
    for (size_t c = 0; c < sources.chips.size(); ++c) {
      const std::optional<MapSum> sum = sum_of(sources, c, part);
      if (!sum) continue;
      table.rows.push_back({sources.chips[c].name, std::string(name), 4 * sum->macs, sum->dense_dram_words,
                            sum->dram_words, sum->once_words, sum->dense_dram_words / sum->macs});
    }
  }
  return table;
}

// What if the chip were built in, or stood beside, another technology: its best mapping there.
FindingsTable technologies_table(const MapReportSources& sources) {
  FindingsTable table{
      "technologies",
      "What if: technologies",
      "Each architecture in its best mapping under the costs of each technology. 'Derived': by "
      "arithmetic from published figures; 'bound': what a published statement allows at best; 'weak': rests "
      "on figures that were not read in their source.",
      {{"architecture", "arch", NumberStyle::plain, true},
       {"source", "source", NumberStyle::plain, true},
       {"trust", "trust", NumberStyle::plain, true},
       {"dram_" + unit_of(sources), "a DRAM word", NumberStyle::rounded},
       {"buffer_" + unit_of(sources), "buffer", NumberStyle::rounded},
       {key_of("energy", sources), "energy, a MAC", NumberStyle::rounded},
       {"energy_against_first", "against", NumberStyle::ratio},
       {"dram_fraction", "DRAM", NumberStyle::percent},
       {"alu_fraction", "ALU", NumberStyle::percent},
       {"dram_words_per_mac", "DRAM words, a MAC", NumberStyle::rounded}},
      {}};
  const double first = sum_of(sources, 0, Part::all)->energy.total();
  for (size_t c = 0; c < sources.chips.size(); ++c) {
    const AccessCosts costs = sources.chips[c].sized_costs();
    const MapSum sum = *sum_of(sources, c, Part::all);
    const double total = sum.energy.total();
    table.rows.push_back({sources.chips[c].name, costs.citation, costs.trust, costs.dram, costs.buffer,
                          sum.per_mac(total), total / first, sum.energy.by_place[1] / total,
                          sum.energy.by_place[0] / total, sum.dram_words / sum.macs});
  }
  return table;
}

bool several_technologies(const MapReportSources& sources) {
  return std::any_of(sources.chips.begin(), sources.chips.end(), [&](const ArrayChip& chip) {
    return chip.costs.name != sources.chips.front().costs.name;
  });
}

// What each layer has of zeros, and what its codes make of them.
FindingsTable zeros_table(const MapReportSources& sources) {
  FindingsTable table{
      "zeros",
      "Zeros",
      "Values that are not zero, inputs with their padding; multiplications whose input, and whose "
      "factors both, are not zero; sizes of coded maps against plain ones.",
      {{"layer", "layer", NumberStyle::plain, true},
       {"weights_density_fraction", "weights", NumberStyle::percent},
       {"inputs_density_fraction", "inputs", NumberStyle::percent},
       {"outputs_density_fraction", "outputs", NumberStyle::percent},
       {"nonzero_input_macs_fraction", "MACs by input", NumberStyle::percent},
       {"nonzero_macs_fraction", "by both", NumberStyle::percent}},
      {}};
  constexpr std::array<std::string_view, 4> kShort = {"", "map", "runs", "CSC"};
  for (const Operand operand : kAllOperands) {
    for (size_t code = 1; code < kCodeNames.size(); ++code)
      table.columns.push_back({fmt::format("{}_{}_fraction", name_of(operand), kCodeNames[code]),
                               fmt::format("{} {}", name_of(operand), kShort[code]), NumberStyle::percent,
                               false, operand == Operand::weight ? code != 3 : code == 3});
  }
  for (const LayerToMap& layer : sources.layers) {
    if (!layer.zeros) continue;
    const LayerZeros& zeros = *layer.zeros;
    std::vector<FindingsCell> row = {layer.name,
                                     zeros.of(Operand::weight).density,
                                     zeros.of(Operand::input).density,
                                     zeros.of(Operand::output).density,
                                     zeros.input_macs,
                                     zeros.both_macs};
    for (const Operand operand : kAllOperands) {
      for (size_t code = 1; code < kCodeNames.size(); ++code)
        row.emplace_back(zeros.of(operand).size(static_cast<Code>(code), sources.chips[0].word_bits));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

// Beyond a few dozen nobody looks at them.
void add_pictures(const MapReportSources& sources, Findings& findings) {
  constexpr size_t kMostPictures = 64;
  if (sources.layers.size() * sources.chips.size() > kMostPictures) return;
  findings.pictures_title = "Mappings";
  for (size_t l = 0; l < sources.layers.size(); ++l) {
    for (size_t c = 0; c < sources.chips.size(); ++c) {
      findings.pictures.push_back({fmt::format("{} on {}", sources.layers[l].name, sources.chips[c].name),
                                   mapping_svg(sources.layers[l].problem, sources.chips[c].hierarchy,
                                               sources.results[c][l].mapping)});
    }
  }
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
  double nodes = 0, seconds = 0, space = 0;
  for (size_t c = 0; c < sources.chips.size(); ++c) {
    const MapSum sum = *sum_of(sources, c, Part::all);
    findings.figures.push_back(
        {fmt::format("{}_{}", key_name(names[c]), key_of("energy", sources)),
         fmt::format("{}, a MAC", names[c]), sum.per_mac(sum.energy.total()), NumberStyle::rounded,
         fmt::format("in {}; at least {:.4g}; {:.3g} words to DRAM for 1000 MACs", unit_text(sources),
                     sum.per_mac(sum.bound), 1000 * sum.dram_words / sum.macs)});
    for (const MappedLayer& layer : sources.results[c])
      nodes += static_cast<double>(layer.nodes), seconds += layer.seconds, space += layer.space;
  }
  if (nodes > 0) {
    findings.figures.push_back(
        {"search_s", "search", seconds, NumberStyle::seconds,
         fmt::format("of one thread, for {:.2g} mappings; {:.3g} partial ones looked at, {:.2g} "
                     "a second",
                     space, nodes, nodes / std::max(seconds, 1e-9))});
  }
  findings.lead = fmt::format(
      "Every layer in its best mapping, {}: {} for a MAC on {}.", objective_text(sources.objective),
      fmt::format("{:.4g} ({})", *findings.figures[0].value, unit_text(sources)), names[0]);
  findings.tables = {layers_table(sources), energy_table(sources), totals_table(sources),
                     dram_table(sources)};
  if (any_zeros(sources)) findings.tables.push_back(zeros_table(sources));
  if (several_technologies(sources)) findings.tables.push_back(technologies_table(sources));
  findings.tables.push_back(map_roofline_table(sources));
  findings.charts = map_charts(sources);
  findings.scatters = {map_roofline_chart(sources)};
  findings.notes = map_notes(sources);
  add_pictures(sources, findings);
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
