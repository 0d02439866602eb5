// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/access_costs.h"

#include <algorithm>

#include <fmt/format.h>

#include "deltahop/hardware/technology.h"

namespace deltahop {
namespace {

double read_cost(const Config& config, std::string_view key) {
  const double cost = config.number(key);
  if (!(cost >= 0) || !(cost < 1e9)) config.fault(key, fmt::format("'{}' must lie in 0..1e9", key));
  return cost;
}

// Bits of one element's or the buffer's storage, at least a word.
Bits size_of(const StorageLevel& level, int64_t word_bits) {
  int64_t words = level.capacity;
  if (words < 0) {
    words = 0;
    for (const int64_t own : level.operand_capacity) words += std::max<int64_t>(own, 0);
  }
  return Bits(std::max<int64_t>(words, 1) * word_bits);
}

}  // namespace

AccessCosts read_access_costs(const Config& config, std::string_view name) {
  AccessCosts costs;
  costs.name = name;
  costs.summary = config.text("summary", "");
  costs.citation = config.text("citation", "");
  costs.trust = config.choice("trust", {"published", "derived", "bound", "weak"}, "published");
  costs.weights_in_place = config.boolean("weights_in_place", false);
  if (config.has("notes")) costs.notes = config.texts("notes");
  if (config.has("technology")) {
    const std::string word = config.choice("technology", technology_names());
    const auto known = technology_names();
    const bool is_known = std::find(known.begin(), known.end(), word) != known.end();
    if (is_known && !load_technology(word).has_chip_costs)
      config.fault("technology", fmt::format("'{}' has no costs of a chip", word));
    costs.technology = word;
    costs.unit = "pJ";
    return costs;
  }
  costs.unit = config.choice("unit", {"MACs", "pJ"});
  costs.mac = read_cost(config, "mac");
  costs.element = read_cost(config, "element");
  costs.hop = read_cost(config, "hop");
  costs.buffer = read_cost(config, "buffer");
  costs.dram = read_cost(config, "dram");
  return costs;
}

AccessCosts sized_for(const AccessCosts& costs, const Hierarchy& hierarchy, int64_t word_bits) {
  if (costs.technology.empty()) return costs;
  const Technology technology = load_technology(costs.technology);
  const auto bits = static_cast<double>(word_bits);
  AccessCosts sized = costs;
  const auto both = technology.multiply_accumulate(static_cast<int>(word_bits));
  sized.mac = both ? both->energy_pJ
                   : technology.multiply(static_cast<int>(word_bits)).energy_pJ +
                         technology.add(2 * static_cast<int>(word_bits)).energy_pJ;
  sized.hop = 0;
  sized.buffer = bits * technology.memory_bit(size_of(hierarchy.levels.at(1), word_bits)).energy_pJ;
  sized.element = hierarchy.levels.size() > 2
                      ? bits * technology.memory_bit(size_of(hierarchy.levels[2], word_bits)).energy_pJ
                      : 0;
  sized.dram = bits * technology.dram.front().energy_pJ_per_bit;
  return sized;
}

}  // namespace deltahop
