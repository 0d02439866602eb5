// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/map_network.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <numeric>
#include <thread>

#include "deltahop/base/error.h"
#include "deltahop/base/parallel.h"
#include "deltahop/network/stage.h"

namespace deltahop {
namespace {

bool is_same(const LayerToMap& first, const LayerToMap& second) {
  const Problem &a = first.problem, &b = second.problem;
  return first.zeros == second.zeros && a.bounds == b.bounds && a.stride_rows == b.stride_rows &&
         a.stride_columns == b.stride_columns && a.dilation_rows == b.dilation_rows &&
         a.dilation_columns == b.dilation_columns;
}

double value_of(double energy, double cycles, Objective objective) {
  switch (objective) {
    case Objective::energy:
      return energy;
    case Objective::cycles:
      return cycles;
    default:
      return energy * cycles;
  }
}

EnergyShares shares_of(const MappingCost& cost) {
  EnergyShares shares;
  const auto place = [&](EnergyPlace p) -> double& { return shares.by_place[static_cast<size_t>(p)]; };
  place(EnergyPlace::alu) = cost.mac_energy;
  for (size_t operand = 0; operand < kOperands; ++operand) {
    place(EnergyPlace::array) += cost.hop_energy[operand];
    shares.by_operand[operand] += cost.hop_energy[operand];
  }
  constexpr std::array<EnergyPlace, 3> kLevels = {EnergyPlace::dram, EnergyPlace::buffer,
                                                  EnergyPlace::element};
  for (size_t level = 0; level < cost.level_energy.size(); ++level) {
    for (size_t operand = 0; operand < kOperands; ++operand) {
      place(kLevels.at(level)) += cost.level_energy[level][operand];
      shares.by_operand[operand] += cost.level_energy[level][operand];
    }
  }
  return shares;
}

// One access of a word of the layer, as its zeros leave it.
UnitCosts costs_of(const LayerToMap& layer, const ArrayChip& chip) {
  UnitCosts costs = chip.unit_costs();
  if (layer.zeros) costs.savings = savings_of(chip.sparsity, *layer.zeros, chip.word_bits);
  if (chip.costs.weights_in_place) costs.savings.leave_weights_in_place();
  return costs;
}

// Counts everything of a mapping that has no fault.
MappedLayer counted(const LayerToMap& to_map, const ArrayChip& chip, const Mapping& mapping,
                    Objective objective) {
  const Problem& problem = to_map.problem;
  const UnitCosts costs = costs_of(to_map, chip);
  MappedLayer layer;
  layer.mapping = mapping;
  layer.savings = costs.savings;
  layer.counts = count_accesses(problem, chip.hierarchy, mapping);
  layer.waiting_cycles = static_cast<double>(layer.counts.cycles);
  if (to_map.zeros)
    layer.waiting_cycles *= deltahop::waiting_cycles(chip.sparsity, *to_map.zeros, problem,
                                                     as_used(chip.hierarchy, mapping), mapping);
  layer.words = accessed_words(layer.counts, chip.hierarchy, costs.savings);
  layer.energy = shares_of(cost_of(layer.counts, chip.hierarchy, costs));
  layer.value = value_of(layer.energy.total(), layer.words.cycles, objective);
  layer.value_bound = lower_bound(problem, chip.hierarchy, costs, objective);
  layer.energy_bound = lower_bound(problem, chip.hierarchy, costs, Objective::energy);
  return layer;
}

MappedLayer searched(const LayerToMap& layer, const ArrayChip& chip, Objective objective) {
  const auto start = std::chrono::steady_clock::now();
  const SearchResult result =
      find_mapping(layer.problem, chip.hierarchy, costs_of(layer, chip), chip.dataflow, objective);
  if (!result.mapping)
    throw Error(layer.name, fmt::format("fits onto '{}' in no way", chip.name),
                "give the buffer or the elements more room");
  MappedLayer mapped = counted(layer, chip, *result.mapping, objective);
  mapped.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  mapped.tried = result.tried;
  mapped.nodes = result.nodes;
  mapped.space = result.space;
  return mapped;
}

MappedLayer given(const LayerToMap& layer, const ArrayChip& chip, const NamedMapping& named,
                  Objective objective) {
  Mapping mapping = named.mapping;
  const size_t levels = chip.hierarchy.levels.size();
  if (mapping.levels.size() > levels && mapping.levels.back() != LevelLoops{})
    throw Error(named.place,
                fmt::format("elements of '{}' store nothing that could slide or be passed by", chip.name));
  mapping.levels.resize(levels);
  if (const std::string fault = fault_of(layer.problem, chip.hierarchy, mapping); !fault.empty())
    throw Error(named.place,
                fmt::format("the mapping of '{}' does not fit onto '{}': {}", layer.name, chip.name, fault));
  MappedLayer mapped = counted(layer, chip, mapping, objective);
  mapped.is_searched = false;
  return mapped;
}

const NamedMapping* find_given(const MappingFile* file, const std::string& layer) {
  if (file == nullptr) return nullptr;
  const auto place = std::find_if(file->mappings.begin(), file->mappings.end(),
                                  [&](const NamedMapping& named) { return named.layer == layer; });
  return place == file->mappings.end() ? nullptr : &*place;
}

void check_given(const MappingFile& file, const std::vector<LayerToMap>& layers) {
  std::vector<std::string> known;
  for (const LayerToMap& layer : layers) known.push_back(layer.name);
  for (const NamedMapping& named : file.mappings) {
    if (std::find(known.begin(), known.end(), named.layer) == known.end())
      throw Error(named.place, fmt::format("no layer to map is called '{}'", named.layer),
                  suggest(named.layer, known));
  }
}

struct Task {
  size_t chip = 0, layer = 0;
};

// Takes tasks one after another from a common counter: searches differ much in length. Progress is told by
// the caller's thread only.
void run_tasks(size_t count, int threads, const Progress& progress, const auto& run) {
  std::atomic<size_t> next = 0, done = 0;
  const auto caller = std::this_thread::get_id();
  std::vector<std::exception_ptr> faults(count);
  const auto work = [&](int64_t, int64_t) {
    for (size_t i = next++; i < count; i = next++) {
      try {
        run(i);
        ++done;
        if (std::this_thread::get_id() == caller)
          report_progress(progress, "mapping", static_cast<int64_t>(done), static_cast<int64_t>(count));
      } catch (...) {
        faults[i] = std::current_exception();
        next = count;
        return;
      }
    }
  };
  parallel_for(threads, std::min<int64_t>(threads, static_cast<int64_t>(count)), work);
  // Every task before a faulty one has begun, so the first fault is the same whatever the threads did.
  for (const std::exception_ptr& fault : faults) {
    if (fault) std::rethrow_exception(fault);
  }
}

}  // namespace

double EnergyShares::total() const { return std::accumulate(by_place.begin(), by_place.end(), 0.0); }

void EnergyShares::add(const EnergyShares& other, double times) {
  for (size_t i = 0; i < by_place.size(); ++i) by_place[i] += times * other.by_place[i];
  for (size_t i = 0; i < by_operand.size(); ++i) by_operand[i] += times * other.by_operand[i];
}

std::vector<LayerToMap> layers_to_map(const Network& network, int64_t batch) {
  std::vector<LayerToMap> layers;
  for (const Stage& stage : find_stages(network)) {
    if (!stage.workload) continue;
    Workload workload = stage.workload->workload;
    workload.shape.batch *= batch;
    layers.push_back({stage.workload->name, to_text(stage.workload->workload), problem_of(workload),
                      workload.time_steps, workload.kind == WorkloadKind::convolution});
  }
  return layers;
}

std::vector<std::vector<MappedLayer>> map_layers(const std::vector<LayerToMap>& layers,
                                                 const std::vector<ArrayChip>& chips,
                                                 const MapOptions& options, const Progress& progress) {
  if (options.given != nullptr) check_given(*options.given, layers);
  std::vector<std::vector<MappedLayer>> results(chips.size(), std::vector<MappedLayer>(layers.size()));
  std::vector<size_t> first(layers.size());  // of the layers that are the same problem
  std::vector<Task> tasks;
  for (size_t l = 0; l < layers.size(); ++l) {
    const bool is_given = find_given(options.given, layers[l].name) != nullptr;
    first[l] = l;
    for (size_t other = 0; other < l && !is_given && first[l] == l; ++other) {
      if (is_same(layers[other], layers[l]) && find_given(options.given, layers[other].name) == nullptr)
        first[l] = first[other];
    }
    for (size_t c = 0; c < chips.size() && first[l] == l; ++c) tasks.push_back({c, l});
  }
  run_tasks(tasks.size(), options.threads, progress, [&](size_t i) {
    const auto [c, l] = tasks[i];
    const NamedMapping* named = find_given(options.given, layers[l].name);
    results[c][l] = named != nullptr ? given(layers[l], chips[c], *named, options.objective)
                                     : searched(layers[l], chips[c], options.objective);
  });
  for (size_t c = 0; c < chips.size(); ++c) {
    for (size_t l = 0; l < layers.size(); ++l) {
      if (first[l] == l) continue;
      MappedLayer& copy = results[c][l] = results[c][first[l]];
      copy.tried = copy.nodes = 0;
      copy.space = copy.seconds = 0;
    }
  }
  return results;
}

}  // namespace deltahop
