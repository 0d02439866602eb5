// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/delta_rnn/delta_rnn_config.h"

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop::delta_rnn {
namespace {

int64_t in_range(const Config& config, std::string_view key, int64_t value, int64_t low, int64_t high) {
  if (config.has(key) && (value < low || value > high))
    config.fault(key, fmt::format("must lie between {} and {}", low, high));
  return value;
}

FixedFormat format_of(const Config& config, std::string_view key, FixedFormat fallback) {
  try {
    const std::string text = config.text(key);
    return text.empty() ? fallback : parse_fixed_format(text);
  } catch (const Error& error) {
    config.fault(key, error.what());
    return fallback;
  }
}

void read_arithmetic(const Config& config, DeltaRnnConfig& chip) {
  chip.formats.activation = format_of(config, "activation", chip.formats.activation);
  chip.formats.weight = format_of(config, "weight", chip.formats.weight);
  chip.formats.accumulator_bits = static_cast<int>(
      in_range(config, "accumulator", config.quantity<Bits>("accumulator").number(), 16, 48));
  chip.formats.gate_fraction_bits =
      static_cast<int>(in_range(config, "gate_fraction_bits", config.integer("gate_fraction_bits"), 0, 15));
  try {
    check_formats(chip.formats);
  } catch (const Error& error) {
    config.fault("activation", error.what());
  }
}

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
  config.choice("chip", {"delta_rnn"});
  chip.architecture.name = config.text("name");
  chip.architecture.citation = config.text("citation");
  chip.architecture.technology = config.text("technology");
  chip.architecture.clock = config.quantity<Hertz>("clock");
  if (config.has("clock") && !(chip.architecture.clock.number() > 0))
    config.fault("clock", "must be above zero");
  chip.macs = in_range(config, "macs", config.integer("macs"), 3, 1 << 20);
  if (chip.macs % 3 != 0) config.fault("macs", "must be a multiple of 3: a column has three gates");
  read_arithmetic(config, chip);
  const Config encoder = config.section("input_encoder");
  chip.encoder_elements =
      in_range(encoder, "elements_per_cycle", encoder.integer("elements_per_cycle"), 1, 1 << 16);
  const Config pipeline = config.section("activation_pipeline");
  chip.activation_units =
      in_range(pipeline, "units_per_cycle", pipeline.integer("units_per_cycle"), 1, 1 << 16);
  chip.activation_depth = in_range(pipeline, "depth", pipeline.quantity<Cycles>("depth").number(), 0, 100000);
  const Config limits = config.section("limits");
  chip.most_layers = in_range(limits, "layers", limits.integer("layers"), 1, 64);
  chip.weight_memory = limits.quantity<Bits>("weight_memory");
  if (limits.has("weight_memory") && chip.weight_memory.number() < chip.macs)
    limits.fault("weight_memory", "must hold at least a bit for each MAC");
  config.finish();
  fill_architecture(chip);
  chip.resolved = config.resolved();
  return chip;
}

}  // namespace deltahop::delta_rnn
