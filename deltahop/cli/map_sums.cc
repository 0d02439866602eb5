// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/map_sums.h"

#include <algorithm>

namespace deltahop {

void add_layer(const LayerToMap& layer, const MappedLayer& mapped, const ArrayChip& chip, MapSum& sum) {
  const auto times = static_cast<double>(layer.repeats);
  sum.macs += times * static_cast<double>(mapped.counts.macs);
  sum.done_macs += times * mapped.words.macs;
  sum.cycles += times * mapped.words.cycles;
  sum.waiting_cycles += times * mapped.waiting_cycles;
  double moved = 0;
  for (const double words : mapped.words.levels[0]) moved += words;
  const double bytes = moved * static_cast<double>(chip.word_bits) / 8;
  sum.dram_bytes += times * bytes;
  const double of_dram = chip.dram_bytes_per_cycle > 0 ? bytes / chip.dram_bytes_per_cycle : 0.0;
  sum.delay_cycles += times * std::max(mapped.waiting_cycles, of_dram);
  for (const Operand operand : kAllOperands) {
    const size_t index = index_of(operand);
    sum.dram_words += times * mapped.words.levels[0][index];
    sum.dense_dram_words += times * static_cast<double>(mapped.counts.levels[0][index].total());
    sum.once_words += times * static_cast<double>(layer.problem.elements(operand));
  }
  sum.energy.add(mapped.energy, times);
  sum.bound += times * mapped.energy_bound;
}

MapSum sum_of_layer(const MapReportSources& sources, size_t chip, size_t layer) {
  MapSum sum;
  add_layer(sources.layers[layer], sources.results[chip][layer], sources.chips[chip], sum);
  return sum;
}

std::optional<MapSum> sum_of(const MapReportSources& sources, size_t chip, Part part) {
  MapSum sum;
  for (size_t l = 0; l < sources.layers.size(); ++l) {
    if (part != Part::all && sources.layers[l].is_convolution != (part == Part::convolutions)) continue;
    add_layer(sources.layers[l], sources.results[chip][l], sources.chips[chip], sum);
  }
  return sum.macs > 0 ? std::optional(sum) : std::nullopt;
}

std::string unit_of(const MapReportSources& sources) { return sources.chips.front().costs.unit; }
std::string unit_text(const MapReportSources& sources) {
  return unit_of(sources) == "MACs" ? "MAC energies" : unit_of(sources);
}

bool any_skips(const MapReportSources& sources) {
  return std::any_of(sources.chips.begin(), sources.chips.end(),
                     [](const ArrayChip& chip) { return chip.sparsity.skips_any(); });
}

bool any_zeros(const MapReportSources& sources) {
  return std::any_of(sources.layers.begin(), sources.layers.end(),
                     [](const LayerToMap& layer) { return layer.zeros.has_value(); });
}

}  // namespace deltahop
