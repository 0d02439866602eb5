// SPDX-License-Identifier: Apache-2.0
#include "deltahop/simulate/energy.h"

#include <algorithm>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

constexpr std::array kLevels = {MemoryLevel::input_buffer,          MemoryLevel::kernel_memory,
                                MemoryLevel::partial_sum_registers, MemoryLevel::weight_memory,
                                MemoryLevel::partial_sum_memory,    MemoryLevel::state_memory,
                                MemoryLevel::global_buffer,         MemoryLevel::input_registers};
constexpr std::array kKinds = {DataKind::input,       DataKind::weight, DataKind::output,
                               DataKind::partial_sum, DataKind::bias,   DataKind::control};

void add_entry(std::vector<EnergyEntry>& entries, std::string_view level, std::string_view kind,
               std::string_view operation, int64_t count, std::string_view unit, const Cost& cost) {
  if (count == 0) return;
  const double number = static_cast<double>(count);
  entries.push_back({std::string(level), std::string(kind), std::string(operation), number, std::string(unit),
                     cost.energy_pJ, number * cost.energy_pJ, cost.source});
}

void add_traffic(std::vector<EnergyEntry>& entries, const Stats& stats, MemoryLevel level, const Cost& cost) {
  for (const DataKind kind : kKinds) {
    const Traffic& traffic = stats.at(level, kind);
    add_entry(entries, name_of(level), name_of(kind), "read", traffic.read.number(), "bit", cost);
    add_entry(entries, name_of(level), name_of(kind), "write", traffic.written.number(), "bit", cost);
  }
}

// What one bit of this level costs: by the chip's own memory of that name.
Cost level_cost(MemoryLevel level, const Architecture& chip, const Technology& technology) {
  const auto memory = std::find_if(chip.memories.begin(), chip.memories.end(),
                                   [&](const Memory& each) { return each.name == name_of(level); });
  if (memory == chip.memories.end()) {
    const bool is_register =
        level == MemoryLevel::partial_sum_registers || level == MemoryLevel::input_registers;
    if (is_register) return technology.register_bit();
    throw Error(chip.name,
                fmt::format("moves data through '{}' but states no memory of that name", name_of(level)),
                "add it to the chip's memories");
  }
  return memory->is_register ? technology.register_bit() : technology.memory_bit(memory->capacity);
}

void add_arithmetic(std::vector<EnergyEntry>& entries, const Stats& stats, const Architecture& chip,
                    const Technology& technology) {
  if (const std::optional<Cost> both = technology.multiply_accumulate(chip.word_bits)) {
    add_entry(entries, "multiply_accumulate", "arithmetic", "multiply_accumulate", stats.macs_done,
              "operation", *both);
    return;
  }
  add_entry(entries, "multipliers", "arithmetic", "multiply", stats.macs_done, "operation",
            technology.multiply(chip.word_bits));
  add_entry(entries, "adders", "arithmetic", "add", stats.macs_done, "operation",
            technology.add(chip.accumulator_bits));
}

void add_leakage(EnergyBreakdown& energy, const Stats& stats, const Architecture& chip,
                 const Technology& technology) {
  if (!technology.leakage) {
    energy.not_modelled.emplace_back("leakage (the technology file has no figure)");
  } else if (!(chip.core_area.number() > 0) || !(chip.clock.number() > 0)) {
    energy.not_modelled.emplace_back("leakage (the chip's area or clock is unknown)");
  } else {
    const Leakage& leakage = *technology.leakage;
    const double watts = leakage.power.number() * chip.core_area.number() / leakage.area.number();
    add_entry(energy.core, "leakage", "static", "cycle", stats.cycles().number(), "cycle",
              {watts / chip.clock.number() * 1e12, leakage.source});
  }
  energy.not_modelled.emplace_back("clock tree, control logic and wires between blocks");
  energy.not_modelled.emplace_back("idle MAC slots (taken as clock-gated)");
}

void add_core(EnergyBreakdown& energy, const Stats& stats, const Architecture& chip,
              const Technology& technology) {
  add_arithmetic(energy.core, stats, chip, technology);
  for (const MemoryLevel level : kLevels) {
    const Traffic traffic = stats.at(level);
    if (traffic.read + traffic.written == Bits(0)) continue;
    add_traffic(energy.core, stats, level, level_cost(level, chip, technology));
  }
  if (stats.at(MemoryLevel::array).read + stats.at(MemoryLevel::array).written > Bits(0)) {
    if (const std::optional<Cost> transfer = technology.transfer_bit()) {
      add_traffic(energy.core, stats, MemoryLevel::array, *transfer);
    } else {
      energy.not_modelled.emplace_back("transfers between elements (the technology file has no figure)");
    }
  }
  add_leakage(energy, stats, chip, technology);
}

std::string dram_source(const DramCostPoint& point) {
  return fmt::format("[{}] {}{}", point.citation, point.note, point.is_weak ? " (orientation)" : "");
}

// Same level, kind, operation and unit cost: one entry with the counts of both.
void merge(std::vector<EnergyEntry>& into, const std::vector<EnergyEntry>& from) {
  for (const EnergyEntry& entry : from) {
    const auto same = std::find_if(into.begin(), into.end(), [&](const EnergyEntry& each) {
      return each.level == entry.level && each.data_kind == entry.data_kind &&
             each.operation == entry.operation && each.unit_cost_pJ == entry.unit_cost_pJ &&
             each.source == entry.source;
    });
    if (same == into.end()) {
      into.push_back(entry);
    } else {
      same->count += entry.count;
      same->energy_pJ = same->count * same->unit_cost_pJ;
    }
  }
}

double sum_of(const std::vector<EnergyEntry>& entries) {
  double sum = 0.0;
  for (const EnergyEntry& entry : entries) sum += entry.energy_pJ;
  return sum;
}

std::vector<EnergyShare> shares_by(const EnergyBreakdown& energy, std::string EnergyEntry::*member) {
  std::vector<EnergyShare> shares;
  for (const std::vector<EnergyEntry>* entries : {&energy.core, &energy.dram}) {
    for (const EnergyEntry& entry : *entries) {
      const auto same = std::find_if(shares.begin(), shares.end(),
                                     [&](const EnergyShare& each) { return each.name == entry.*member; });
      if (same == shares.end()) {
        shares.push_back({entry.*member, entry.energy_pJ});
      } else {
        same->energy_pJ += entry.energy_pJ;
      }
    }
  }
  return shares;
}

}  // namespace

double EnergyBreakdown::core_pJ() const { return sum_of(core); }
double EnergyBreakdown::dram_pJ() const { return sum_of(dram); }

EnergyBreakdown& EnergyBreakdown::operator+=(const EnergyBreakdown& other) {
  has_core = has_core && other.has_core;
  merge(core, other.core);
  merge(dram, other.dram);
  for (const DramEnergy& cost : other.dram_costs) {
    const auto same = std::find_if(dram_costs.begin(), dram_costs.end(),
                                   [&](const DramEnergy& each) { return each.name == cost.name; });
    if (same == dram_costs.end()) {
      dram_costs.push_back(cost);
    } else {
      same->energy_pJ += cost.energy_pJ;
    }
  }
  for (const std::string& line : other.not_modelled) {
    if (std::find(not_modelled.begin(), not_modelled.end(), line) == not_modelled.end())
      not_modelled.push_back(line);
  }
  return *this;
}

EnergyBreakdown energy_of(const Stats& stats, const Architecture& chip, const Technology& technology) {
  EnergyBreakdown energy;
  energy.has_core = technology.has_chip_costs;
  if (energy.has_core)
    add_core(energy, stats, chip, technology);
  else
    energy.not_modelled.push_back(
        fmt::format("everything on the chip (the technology '{}' has no costs of it)", technology.name));

  DELTAHOP_CHECK(!technology.dram.empty());
  const DramCostPoint& usual = technology.dram.front();
  add_traffic(energy.dram, stats, MemoryLevel::dram, {usual.energy_pJ_per_bit, dram_source(usual)});
  const Traffic moved = stats.at(MemoryLevel::dram);
  const double bits = static_cast<double>((moved.read + moved.written).number());
  for (const DramCostPoint& point : technology.dram) {
    energy.dram_costs.push_back({point.name, point.title, point.energy_pJ_per_bit,
                                 bits * point.energy_pJ_per_bit, dram_source(point), point.is_weak});
  }
  return energy;
}

std::vector<EnergyShare> energy_by_level(const EnergyBreakdown& energy) {
  return shares_by(energy, &EnergyEntry::level);
}
std::vector<EnergyShare> energy_by_data_kind(const EnergyBreakdown& energy) {
  return shares_by(energy, &EnergyEntry::data_kind);
}

}  // namespace deltahop
