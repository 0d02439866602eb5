// SPDX-License-Identifier: Apache-2.0
// The fields of a report's structures, named once for reading and writing. An archive is called with key and
// field; a constant object is written, a mutable one is read into.
#pragma once

#include <concepts>
#include <type_traits>

#include "deltahop/report/report.h"

namespace deltahop {

template <class Object, class Type>
concept Either = std::same_as<std::remove_const_t<Object>, Type>;

void describe(auto& archive, Either<std::pair<std::string, std::string>> auto& pair) {
  archive("name", pair.first);
  archive("text", pair.second);
}

void describe(auto& archive, Either<Provenance> auto& provenance) {
  archive("command_line", provenance.command_line);
  archive("version", provenance.version);
  archive("compiler", provenance.compiler);
  archive("date", provenance.date);
  archive("seed", provenance.seed);
  archive("threads", provenance.threads);
  archive("input", provenance.input);
  archive("configurations", provenance.configurations);
}

void describe(auto& archive, Either<NetworkSummary> auto& network) {
  archive("name", network.name);
  archive("source", network.source);
  archive("citation", network.citation);
  archive("input_shape", network.input_shape);
  archive("macs", network.macs);
  archive("weights", network.weights);
  archive("published_macs", network.published_macs);
  archive("published_weights", network.published_weights);
  archive("published_source", network.published_source);
  archive("note", network.note);
}

void describe(auto& archive, Either<Memory> auto& memory) {
  archive("name", memory.name);
  archive("capacity_bits", memory.capacity);
  archive("word_bits", memory.word);
  archive("instances", memory.instances);
  archive("is_register", memory.is_register);
}

void describe(auto& archive, Either<Architecture> auto& chip) {
  archive("name", chip.name);
  archive("citation", chip.citation);
  archive("multipliers", chip.multipliers);
  archive("clock_Hz", chip.clock);
  archive("core_area_mm2", chip.core_area);
  archive("dram_bits_per_cycle", chip.dram_bits_per_cycle);
  archive("word_bits", chip.word_bits);
  archive("accumulator_bits", chip.accumulator_bits);
  archive("technology", chip.technology);
  archive("memories", chip.memories);
}

void describe(auto& archive, Either<Statistics> auto& statistics) {
  archive("mean", statistics.mean);
  archive("spread", statistics.spread);
  archive("lowest", statistics.lowest);
  archive("highest", statistics.highest);
}

void describe(auto& archive, Either<EncodedSizes> auto& sizes) {
  archive("dense_bits", sizes.dense_bits);
  archive("sparsity_map_bits", sizes.sparsity_map_bits);
  archive("run_length_bits", sizes.run_length_bits);
  archive("csc_bits", sizes.csc_bits);
  archive("entropy_bits", sizes.entropy_bits);
}

void describe(auto& archive, Either<NumericError> auto& error) {
  archive("largest", error.largest);
  archive("root_mean_square", error.root_mean_square);
  archive("signal_to_noise_dB", error.signal_to_noise_dB);
}

void describe(auto& archive, Either<EnergyEntry> auto& entry) {
  archive("level", entry.level);
  archive("data_kind", entry.data_kind);
  archive("operation", entry.operation);
  archive("count", entry.count);
  archive("unit", entry.unit);
  archive("unit_cost_pJ", entry.unit_cost_pJ);
  archive("energy_pJ", entry.energy_pJ);
  archive("source", entry.source);
}

void describe(auto& archive, Either<DramEnergy> auto& cost) {
  archive("name", cost.name);
  archive("title", cost.title);
  archive("cost_pJ_per_bit", cost.cost_pJ_per_bit);
  archive("energy_pJ", cost.energy_pJ);
  archive("source", cost.source);
  archive("is_orientation_only", cost.is_weak);
}

void describe(auto& archive, Either<EnergyBreakdown> auto& energy) {
  archive.or_zero("has_core", energy.has_core);  // older writers knew no other case
  archive("core", energy.core);
  archive("dram", energy.dram);
  archive("dram_costs", energy.dram_costs);
  archive("not_modelled", energy.not_modelled);
}

void describe(auto& archive, Either<Traffic> auto& traffic) {
  archive("read_bits", traffic.read);
  archive("written_bits", traffic.written);
}

void describe(auto& archive, Either<Stats> auto& stats) {
  // Phases and levels that an older writer did not know are zero.
  for (size_t i = 0; i < kPhases; ++i) {
    archive.or_zero(std::string(name_of(static_cast<Phase>(i))) + "_cycles", stats.cycles_by_phase[i]);
  }
  archive("macs_done", stats.macs_done);
  archive("macs_skipped_zero_input", stats.macs_skipped_zero_input);
  archive("macs_skipped_padding", stats.macs_skipped_padding);
  archive("mac_slots_idle", stats.mac_slots_idle);
  for (size_t level = 0; level < kMemoryLevels; ++level) {
    for (size_t kind = 0; kind < kDataKinds; ++kind) {
      archive.or_zero(std::string(name_of(static_cast<MemoryLevel>(level))) + "_" +
                          std::string(name_of(static_cast<DataKind>(kind))),
                      stats.traffic[level][kind]);
    }
  }
}

// The fields of a layer that are no sums.
void describe(auto& archive, Either<LayerRow> auto& layer) {
  archive("name", layer.name);
  archive("kind", layer.kind);
  archive("placement", layer.placement);
  archive("reason", layer.reason);
  archive("mapping", layer.mapping);
  archive("input_shape", layer.input_shape);
  archive("output_shape", layer.output_shape);
  archive("input_format", layer.input_format);
  archive("weight_format", layer.weight_format);
  archive("output_format", layer.output_format);
  archive("macs", layer.macs);
  archive("weights", layer.weights);
  archive("nonzero_weights", layer.nonzero_weights);
  archive("input_density", layer.input_density);
  archive("output_density", layer.output_density);
  archive("input_size", layer.input_size);
  archive("output_size", layer.output_size);
  archive("weight_size", layer.weight_size);
  archive("error", layer.error);
  archive("saturated", layer.saturated);
  archive("compared", layer.compared);
  archive("mismatches", layer.mismatches);
}

// Its sums over all inputs, exact.
template <class Layer>
struct LayerSums {
  Layer& layer;
};

template <class Layer>
void describe(auto& archive, const LayerSums<Layer>& sums) {
  archive("nonzero_macs", sums.layer.nonzero_macs);
  archive("stats", sums.layer.stats);
  archive("energy", sums.layer.energy);
}

void describe(auto& archive, Either<GraphNode> auto& node) {
  archive("name", node.name);
  archive("kind", node.kind);
  archive("placement", node.placement);
  archive("layer", node.row);
}

void describe(auto& archive, Either<GraphEdge> auto& edge) {
  archive("from", edge.from);
  archive("to", edge.to);
}

void describe(auto& archive, Either<NetworkGraph> auto& graph) {
  archive("nodes", graph.nodes);
  archive("edges", graph.edges);
}

void describe(auto& archive, Either<Accuracy> auto& accuracy) {
  archive("labelled", accuracy.labelled);
  archive("float_top1_fraction", accuracy.float_top1_fraction);
  archive("float_top5_fraction", accuracy.float_top5_fraction);
  archive("integer_top1_fraction", accuracy.integer_top1_fraction);
  archive("integer_top5_fraction", accuracy.integer_top5_fraction);
  archive("agreement_fraction", accuracy.agreement_fraction);
}

void describe(auto& archive, Either<PublishedFigure> auto& figure) {
  archive("name", figure.name);
  archive("ours", figure.ours);
  archive("theirs", figure.theirs);
  archive("unit", figure.unit);
  archive("tolerance_fraction", figure.tolerance_fraction);
  archive("source", figure.source);
  archive("verdict", figure.verdict);
  archive("note", figure.note);
}

}  // namespace deltahop
