// SPDX-License-Identifier: Apache-2.0
#include "deltahop/hardware/area.h"

namespace deltahop {

std::vector<AreaShare> area_of(const Architecture& chip, const Technology& technology) {
  std::vector<AreaShare> shares;
  const auto add = [&](const std::string& name, std::string_view what, int64_t bits, int64_t count) {
    const std::optional<double> area = technology.area_um2(what, bits);
    if (area && count > 0) {
      shares.push_back({name, SquareMillimetres(*area * static_cast<double>(count) * 1e-6)});
    }
  };
  add("multipliers", "multiplier", chip.word_bits, chip.multipliers);
  add("adders", "adder", chip.accumulator_bits, chip.multipliers);
  for (const Memory& memory : chip.memories)
    add(memory.name, "memory", memory.capacity.number(), memory.instances);
  return shares;
}

}  // namespace deltahop
