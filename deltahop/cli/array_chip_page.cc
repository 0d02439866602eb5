// SPDX-License-Identifier: Apache-2.0
// An architecture of the mapper for people: storage, what its dataflow leaves open, costs and sources.
#include <fmt/format.h>

#include "deltahop/cli/map_findings.h"

namespace deltahop {
namespace {

std::string letters_of(const std::array<bool, kDimensions>& chosen) {
  std::string text;
  for (const Dimension dimension : kAllDimensions) {
    if (chosen[index_of(dimension)]) text += fmt::format(" {}", letter_of(dimension));
  }
  return text.empty() ? " none" : text;
}

std::string level_text(const StorageLevel& level, int64_t word_bits) {
  const auto size = [&](int64_t words) { return to_text(Bits(words * word_bits)); };
  std::string text = fmt::format("  {:<9}", level.name);
  if (level.capacity >= 0) text += " " + size(level.capacity);
  text += ", keeps";
  for (const Operand operand : kAllOperands) {
    if (!level.keeps[index_of(operand)]) continue;
    text += fmt::format(" {}", name_of(operand));
    const int64_t own = level.operand_capacity[index_of(operand)];
    if (own >= 0) text += fmt::format(" ({})", size(own));
  }
  std::string by;
  for (const Operand operand : kAllOperands) {
    if (level.may_bypass[index_of(operand)]) by += fmt::format(" {}", name_of(operand));
  }
  if (!by.empty()) text += fmt::format("; may be passed by:{}", by);
  return text + (level.slides ? "; windows slide\n" : "\n");
}

}  // namespace

std::string array_chip_page(const ArrayChip& chip) {
  std::string text =
      fmt::format("{}: {}{}{}\n\n", chip.name, chip.summary, chip.citation.empty() ? "" : " ", chip.citation);
  text += fmt::format("Array of {} x {} elements, words of {} bits\n", chip.hierarchy.rows,
                      chip.hierarchy.columns, chip.word_bits);
  for (size_t level = 1; level < chip.hierarchy.levels.size(); ++level)
    text += level_text(chip.hierarchy.levels[level], chip.word_bits);
  text +=
      fmt::format("\nMay be spread over rows:{}\nMay be spread over columns:{}\nMay loop in an element:{}\n",
                  letters_of(chip.dataflow.over_rows), letters_of(chip.dataflow.over_columns),
                  letters_of(chip.dataflow.in_element));
  const AccessCosts costs = chip.sized_costs();
  text += fmt::format(
      "\nCosts of a word, {} ({}): MAC {:.4g}, element {:.4g}, hop {:.4g}, buffer {:.4g}, DRAM {:.4g}\n",
      costs.unit, costs.name, costs.mac, costs.element, costs.hop, costs.buffer, costs.dram);
  for (const std::string& note : chip.notes) text += fmt::format("\n{}\n", note);
  return text;
}

}  // namespace deltahop
