// SPDX-License-Identifier: Apache-2.0
// The layers of a network that multiply, each mapped onto each of some chips: searched to the optimum, or as
// a file says. Layers and chips run side by side on threads.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "deltahop/base/progress.h"
#include "deltahop/mapping/array_chip.h"
#include "deltahop/mapping/mapping_file.h"
#include "deltahop/network/network.h"

namespace deltahop {

struct LayerToMap {
  std::string name, kind;  // kind for people: "conv 3x3/1 64->128, 112x112"
  Problem problem;
  int64_t repeats = 1;  // time steps: the same problem again and again
  bool is_convolution = false;
  std::optional<LayerZeros> zeros = std::nullopt;  // absent: not known, so that nothing is saved
};

// In the network's order; shapes must be bound. Every problem is `batch` times the network's own.
std::vector<LayerToMap> layers_to_map(const Network& network, int64_t batch);

// Where energy goes: by place, and by what is moved.
enum class EnergyPlace : uint8_t { alu, dram, buffer, array, element };
inline constexpr std::array<std::string_view, 5> kEnergyPlaces = {"ALU", "DRAM", "buffer", "array", "RF"};
struct EnergyShares {
  std::array<double, kEnergyPlaces.size()> by_place{};
  std::array<double, kOperands> by_operand{};  // without the ALU
  double total() const;
  void add(const EnergyShares& other, double times);
};

struct MappedLayer {
  Mapping mapping;
  bool is_searched = true;  // and so proven: no mapping of the space costs less
  AccessCounts counts;      // dense
  AccessedWords words;      // less what zeros save
  Savings savings;
  // Cycles with skipping, where elements wait for each other (waiting_cycles in sparsity.h); the dense ones
  // without skipping.
  double waiting_cycles = 0.0;
  EnergyShares energy;
  double value = 0.0, value_bound = 0.0;  // of the objective
  double energy_bound = 0.0;
  // Of the search; nothing where an equal layer's answer was taken.
  int64_t tried = 0, nodes = 0;
  double space = 0.0;  // mappings in it
  double seconds = 0.0;
};

struct MapOptions {
  Objective objective = Objective::energy;
  const MappingFile* given = nullptr;  // mappings to count instead of searching; for one chip
  int threads = 1;
};

// By chip, then by layer. Layers that are the same problem are searched once. Throws Error where a layer fits
// in no way, or a given mapping does not fit.
std::vector<std::vector<MappedLayer>> map_layers(const std::vector<LayerToMap>& layers,
                                                 const std::vector<ArrayChip>& chips,
                                                 const MapOptions& options, const Progress& progress);

}  // namespace deltahop
