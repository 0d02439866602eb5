// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/nullhop/nullhop_config.h"

#include <bit>

#include "deltahop/accelerators/config_fields.h"

namespace deltahop::nullhop {
namespace {

Loading loading(const Config& config, std::string_view key) {
  return config.choice(key, {"serial", "overlapped"}) == "overlapped" ? Loading::overlapped : Loading::serial;
}

Rounding rounding(const Config& config, std::string_view key) {
  const std::string word = config.choice(key, {"floor", "toward_zero", "half_up", "half_away", "half_even"});
  return word.empty() ? Rounding::floor : parse_rounding(word);
}

void read_macs(const Config& config, NullhopConfig& chip) {
  chip.macs = integer_in(config, "count", 1, 65536);
  chip.cluster_macs = integer_in(config, "cluster", 1, 65536);
  chip.most_macs_per_channel = integer_in(config, "most_per_channel", 1, 64);
  const auto power = [](int64_t value) {
    return value >= 1 && std::has_single_bit(static_cast<uint64_t>(value));
  };
  if (!power(chip.macs)) config.fault("count", "must be a power of two");
  if (!power(chip.most_macs_per_channel)) config.fault("most_per_channel", "must be a power of two");
  if (chip.cluster_macs >= 1 && chip.macs % chip.cluster_macs != 0)
    config.fault("cluster", "must divide 'count'");
  if (chip.most_macs_per_channel > chip.macs) config.fault("most_per_channel", "must not exceed 'count'");
}

void read_memories(const Config& config, NullhopConfig& chip) {
  const Config kernels = config.section("kernel_memory");
  chip.kernel_words_per_mac = integer_in(kernels, "words_per_mac", 1, 1 << 24);
  chip.kernel_load = loading(kernels, "load");
  const Config input = config.section("input_memory");
  chip.input_capacity = input.quantity<Bits>("capacity");
  if (input.has("capacity") && chip.input_capacity.number() < 1024)
    input.fault("capacity", "must be at least 1024 bit");
  chip.input_load = loading(input, "load");
  chip.manager_pixels_per_cycle = integer_in(input, "pixels_per_manager_cycle", 0, 1 << 20);
  const std::string compression = input.choice("compression", {"always", "when_smaller", "never"});
  chip.input_compression = compression == "never"          ? Compression::never
                           : compression == "when_smaller" ? Compression::when_smaller
                                                           : Compression::always;
}

void read_dataflow(const Config& config, NullhopConfig& chip) {
  chip.stripe_rows = integer_in(config, "stripe_rows", 1, 16);
  if (chip.stripe_rows % 2 != 0)
    config.fault("stripe_rows", "must be even: 2x2 pooling works on pairs of rows");
  chip.run_ahead_columns = integer_in(config, "run_ahead_columns", 0, 1 << 16);
  const Config pooling = config.section("pooling_unit");
  chip.pooling_pixels_per_cycle = integer_in(pooling, "pixels_per_cycle", 0, 1 << 20);
  chip.pooling_columns = integer_in(pooling, "waiting_columns", 1, 1 << 16);
  const Config port = config.section("port");
  chip.port_bits_per_cycle = integer_in(port, "payload_bits_per_cycle", 1, 1 << 16);
  const std::string density = config.text("unknown_output_density");
  if (density != "as_input" && config.has("unknown_output_density")) {
    chip.unknown_output_density = config.number("unknown_output_density");
    if (!(chip.unknown_output_density >= 0 && chip.unknown_output_density <= 1)) {
      config.fault("unknown_output_density", "must be 'as_input' or lie between 0 and 1");
    }
  }
  chip.ticking = config.choice("model", {"fast", "ticking"}) == "ticking";
  const Config start = config.section("start");
  chip.registers = integer_in(start, "registers", 0, 1 << 16);
  chip.cycles_per_pass = integer_in(start, "further_cycles_per_pass", 0, int64_t{1} << 40);
}

void read_arithmetic(const Config& config, NullhopConfig& chip) {
  chip.kernel_limit = integer_in(config, "kernel_limit", 1, 64);
  chip.word_bits = static_cast<int>(quantity_in<Bits>(config, "word", 2, 16));
  chip.architecture.accumulator_bits = static_cast<int>(quantity_in<Bits>(config, "accumulator", 8, 64));
  chip.rounding = rounding(config, "rounding");
  chip.overflow =
      config.choice("overflow", {"saturate", "wrap"}) == "wrap" ? Overflow::wrap : Overflow::saturate;
  const Config extensions = config.section("extensions");
  chip.extensions.stride = extensions.boolean("stride");
  chip.extensions.average_pooling = extensions.boolean("average_pooling");
  chip.average_rounding = rounding(extensions, "average_rounding");
  chip.extensions.large_kernels = extensions.boolean("large_kernels");
  chip.extensions.rectangular_kernels = extensions.boolean("rectangular_kernels");
  chip.extensions.groups = extensions.boolean("groups");
  chip.extensions.few_output_channels = extensions.boolean("few_output_channels");
}

void fill_architecture(NullhopConfig& chip) {
  Architecture& architecture = chip.architecture;
  architecture.multipliers = chip.macs;
  architecture.word_bits = chip.word_bits;
  architecture.dram_bits_per_cycle = Bits(chip.port_bits_per_cycle);
  const Bits word(chip.word_bits);
  architecture.memories = {{.name = "input_buffer", .capacity = chip.input_capacity, .word = Bits(64)},
                           {.name = "kernel_memory",
                            .capacity = word * chip.kernel_words_per_mac,
                            .word = word,
                            .instances = chip.macs},
                           {.name = "partial_sum_registers",
                            .capacity = Bits(architecture.accumulator_bits) *
                                        (chip.stripe_rows * (chip.kernel_limit + chip.pooling_columns)),
                            .word = Bits(architecture.accumulator_bits),
                            .instances = chip.macs,
                            .is_register = true}};
}

}  // namespace

NullhopConfig read_nullhop_config(const Config& config) {
  NullhopConfig chip;
  chip.architecture = read_identity(config, "nullhop");
  chip.architecture.core_area = config.quantity<SquareMillimetres>("core_area", SquareMillimetres());
  read_macs(config.section("macs"), chip);
  read_memories(config, chip);
  read_dataflow(config, chip);
  read_arithmetic(config, chip);
  config.finish();
  fill_architecture(chip);
  chip.resolved = config.resolved();
  return chip;
}

}  // namespace deltahop::nullhop
