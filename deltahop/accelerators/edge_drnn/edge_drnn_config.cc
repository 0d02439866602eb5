// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/edge_drnn/edge_drnn_config.h"

#include "deltahop/accelerators/config_fields.h"
#include "deltahop/base/error.h"

namespace deltahop::edge_drnn {
namespace {

void read_limits(const Config& limits, EdgeDrnnConfig& chip) {
  chip.most_layers = integer_in(limits, "layers", 1, 64);
  chip.most_units = integer_in(limits, "units", 1, 1 << 16);
  chip.threshold_bits = static_cast<int>(quantity_in<Bits>(limits, "threshold", 2, 16));
}

void read_dram(const Config& dram, EdgeDrnnConfig& chip) {
  chip.dram.part = dram.text("part");
  if (chip.dram.part == "none") chip.dram.part.clear();
  chip.dram.open_page = dram.choice("page", {"open", "closed"}) == "open";
  chip.dram.refresh = dram.boolean("refresh");
  chip.dram.columns_in_flight = integer_in(dram, "columns_in_flight", 1, 32);
  chip.dram.port_latency_cycles = quantity_in<Cycles>(dram, "port_latency", 0, 100000);
}

void fill_architecture(EdgeDrnnConfig& chip) {
  Architecture& architecture = chip.architecture;
  architecture.multipliers = chip.elements;
  architecture.word_bits = chip.formats.activation.total_bits;  // 16 x 16 multipliers
  architecture.accumulator_bits = chip.formats.accumulator_bits;
  architecture.dram_bits_per_cycle = Bits(chip.beat_bytes() * 8);
  const Bits sum(chip.formats.accumulator_bits), value(chip.formats.activation.total_bits);
  const int64_t units = chip.most_layers * chip.most_units;
  // Four sums a unit, spread over the processing elements; h, and what was last sent of x and of h.
  architecture.memories = {{.name = "partial_sum_memory",
                            .capacity = sum * (4 * units / chip.elements),
                            .word = sum,
                            .instances = chip.elements},
                           {.name = "state_memory", .capacity = value * (3 * units), .word = value}};
}

}  // namespace

EdgeDrnnConfig read_edge_drnn_config(const Config& config) {
  EdgeDrnnConfig chip;
  chip.architecture = read_identity(config, "edge_drnn");
  chip.elements = integer_in(config, "processing_elements", 1, 1024);
  chip.formats = read_gru_formats(config, 32);
  if (chip.formats.weight.total_bits != 8)
    config.fault("weight", "must have 8 bits: a weight is a byte of the memory image");
  chip.fifo_depth = integer_in(config, "fifo_depth", 1, 1 << 16);
  chip.activation_cycles = integer_in(config, "activation_cycles_per_group", 1, 1024);
  chip.pipeline_fill_cycles = quantity_in<Cycles>(config, "pipeline_fill", 0, 100000);
  read_limits(config.section("limits"), chip);
  chip.weights_address = integer_in(config, "weights_address", 0, int64_t{0xffffffff});
  chip.ticking = config.choice("model", {"fast", "ticking"}) == "ticking";
  read_dram(config.section("dram"), chip);
  chip.candidate_bias = config.section("extensions").boolean("candidate_bias");
  config.finish();
  fill_architecture(chip);
  chip.resolved = config.resolved();
  return chip;
}

LayerPlace place_layer(const EdgeDrnnConfig& chip, const IntegerDeltaGruLayer& layer,
                       const LayerPlace* previous) {
  const auto padded = [&](int64_t count) {
    return (count + chip.elements - 1) / chip.elements * chip.elements;
  };
  LayerPlace place;
  place.inputs = previous != nullptr ? previous->units : padded(layer.inputs);
  place.units = padded(layer.hidden);
  place.groups = place.units / chip.elements;
  place.beats = 3 * place.groups;
  place.column_bytes = 3 * place.units;
  place.first_column = previous != nullptr ? previous->first_column + previous->columns() : 0;
  place.address = previous != nullptr ? previous->address + previous->columns() * previous->column_bytes
                                      : chip.weights_address;
  DELTAHOP_CHECK(place.inputs >= layer.inputs);
  return place;
}

}  // namespace deltahop::edge_drnn
