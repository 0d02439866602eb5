// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/delta_rnn/delta_rnn_config.h"

#include "deltahop/accelerators/config_fields.h"

namespace deltahop::delta_rnn {
namespace {

void fill_architecture(DeltaRnnConfig& chip) {
  Architecture& architecture = chip.architecture;
  architecture.multipliers = chip.macs;
  architecture.word_bits = chip.formats.activation.total_bits;
  architecture.accumulator_bits = chip.formats.accumulator_bits;
  const Bits sum(chip.formats.accumulator_bits), value(chip.formats.activation.total_bits);
  // Every MAC reads its own weight and holds its own sums.
  architecture.memories = {{.name = "weight_memory",
                            .capacity = Bits(chip.weight_memory.number() / chip.macs),
                            .word = Bits(chip.formats.weight.total_bits),
                            .instances = chip.macs},
                           {.name = "partial_sum_memory",
                            .capacity = sum * 4,
                            .word = sum,
                            .instances = chip.macs,
                            .is_register = true},
                           {.name = "state_memory", .capacity = value * 3072, .word = value}};
}

}  // namespace

DeltaRnnConfig read_delta_rnn_config(const Config& config) {
  DeltaRnnConfig chip;
  chip.architecture = read_identity(config, "delta_rnn");
  chip.macs = integer_in(config, "macs", 3, 1 << 20);
  if (chip.macs % 3 != 0) config.fault("macs", "must be a multiple of 3: a column has three gates");
  chip.formats = read_gru_formats(config, 48);
  const Config encoder = config.section("input_encoder");
  chip.encoder_elements = integer_in(encoder, "elements_per_cycle", 1, 1 << 16);
  const Config pipeline = config.section("activation_pipeline");
  chip.activation_units = integer_in(pipeline, "units_per_cycle", 1, 1 << 16);
  chip.activation_depth = quantity_in<Cycles>(pipeline, "depth", 0, 100000);
  const Config limits = config.section("limits");
  chip.most_layers = integer_in(limits, "layers", 1, 64);
  chip.weight_memory = limits.quantity<Bits>("weight_memory");
  if (limits.has("weight_memory") && chip.weight_memory.number() < chip.macs)
    limits.fault("weight_memory", "must hold at least a bit for each MAC");
  config.finish();
  fill_architecture(chip);
  chip.resolved = config.resolved();
  return chip;
}

}  // namespace deltahop::delta_rnn
