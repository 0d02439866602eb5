// SPDX-License-Identifier: Apache-2.0
// What a report of mappings says beneath its tables: costs and their sources, how zeros count, what is left
// out.
#include <algorithm>

#include <fmt/format.h>

#include "deltahop/cli/map_sums.h"

namespace deltahop {
namespace {

// A note for every table of costs that is used; those that a table brings with it follow.
void add_cost_notes(const MapReportSources& sources, std::vector<std::string>& notes) {
  for (const ArrayChip& chip : sources.chips) {
    const AccessCosts costs = chip.sized_costs();
    const std::string note = fmt::format(
        "Costs: {} ({}{}{}, {}), one word of {} bits: MAC {:.4g}, RF {:.4g}, array {:.4g}, buffer {:.4g}, "
        "DRAM {:.4g}.",
        costs.name, costs.summary, costs.citation.empty() ? "" : " ", costs.citation, costs.trust,
        chip.word_bits, costs.mac, costs.element, costs.hop, costs.buffer, costs.dram);
    if (std::find(notes.begin(), notes.end(), note) != notes.end()) continue;
    notes.push_back(note);
    for (const std::string& own : costs.notes) {
      const std::string text = fmt::format("{}: {}", costs.name, own);
      if (std::find(notes.begin(), notes.end(), text) == notes.end()) notes.push_back(text);
    }
  }
}

void add_sparsity_notes(const MapReportSources& sources, std::vector<std::string>& notes) {
  notes.emplace_back(
      "Zeros scale the cost of an access by place and operand, whatever the mapping: the mappings are the "
      "best "
      "under the scaled costs, proven. Energy is for a MAC of the dense layer. A code that would be larger "
      "than "
      "plain words is not used; capacities are for plain words.");
  if (any_skips(sources))
    notes.emplace_back(
        "Cycles with skipping: 'cycles' with all elements equally busy, which is what the search has "
        "minimised; "
        "'with waiting' the expected time of the busiest element, tile by tile, for the mapping found.");
  if (std::any_of(sources.layers.begin(), sources.layers.end(),
                  [](const LayerToMap& layer) { return !layer.zeros; }))
    notes.emplace_back("Layers without known zeros are counted dense.");
}

}  // namespace

std::vector<std::string> map_notes(const MapReportSources& sources) {
  std::vector<std::string> notes;
  add_cost_notes(sources, notes);
  notes.emplace_back(
      "Cycles are those of the busiest element, one multiplication each. Waiting for the buffer is not in "
      "them, "
      "and for DRAM only in the roofline, where the architecture gives a bandwidth.");
  const bool uses_zeros =
      any_zeros(sources) && std::any_of(sources.chips.begin(), sources.chips.end(),
                                        [](const ArrayChip& chip) { return chip.sparsity.uses_zeros(); });
  if (!uses_zeros)
    notes.emplace_back(
        "Dense: zeros are multiplied and moved like any other value, and inputs move with their padding.");
  notes.insert(notes.end(), sources.notes.begin(), sources.notes.end());
  if (uses_zeros) add_sparsity_notes(sources, notes);
  for (const ArrayChip& chip : sources.chips) {
    const std::string architecture = chip.name.substr(0, chip.name.find(' '));  // without what was varied
    for (const std::string& note : chip.notes) {
      const std::string own = fmt::format("{}: {}", architecture, note);
      if (std::find(notes.begin(), notes.end(), own) == notes.end()) notes.push_back(own);
    }
  }
  if (std::any_of(sources.layers.begin(), sources.layers.end(),
                  [](const LayerToMap& layer) { return layer.repeats > 1; }))
    notes.emplace_back("A recurrent layer is mapped for one time step; its steps follow one another.");
  return notes;
}

}  // namespace deltahop
