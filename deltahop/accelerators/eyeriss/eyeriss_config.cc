// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/eyeriss/eyeriss_config.h"

#include <algorithm>

#include "deltahop/accelerators/config_fields.h"

namespace deltahop::eyeriss {
namespace {

constexpr int64_t kMostWords = 1 << 16;

// From 1 to `highest`; 1 where the key is missing, so that what is computed from it stays sane until the
// fault is thrown.
int64_t positive(const Config& config, std::string_view key, int64_t highest) {
  return std::max<int64_t>(1, integer_in(config, key, 1, highest));
}

void read_array(const Config& config, EyerissConfig& chip) {
  const Config array = config.section("array");
  chip.array.rows = positive(array, "rows", 256);
  chip.array.columns = positive(array, "columns", 256);
  const Config pads = config.section("scratchpads");
  chip.array.filter_words = positive(pads, "filter", kMostWords);
  chip.array.input_words = positive(pads, "input", kMostWords);
  chip.array.sum_words = positive(pads, "sum", kMostWords);
  const Config buffer = config.section("buffer");
  chip.array.banks = integer_in(buffer, "banks", 2, 4096);
  chip.array.bank_words =
      std::max<int64_t>(1, quantity_in<Bits>(buffer, "bank", 64, int64_t{1} << 32) / chip.word_bits);
  chip.array.filter_buffer_words =
      std::max<int64_t>(1, quantity_in<Bits>(buffer, "filters", 64, int64_t{1} << 32) / chip.word_bits);
  const Config buses = config.section("buses");
  chip.input_bus = positive(buses, "input", 4096);
  chip.filter_bus = positive(buses, "filter", 4096);
  chip.sum_bus = positive(buses, "sum", 4096);
}

void read_link(const Config& config, Link& link) {
  link.bits = quantity_in<Bits>(config, "width", 1, 1 << 16);
  link.clock = config.quantity<Hertz>("clock");
  if (config.has("clock") && !(link.clock.number() > 0)) config.fault("clock", "must be above zero");
  const std::string compression = config.choice("compression", {"when_smaller", "always", "never"});
  link.compression = compression == "always"  ? Compression::always
                     : compression == "never" ? Compression::never
                                              : Compression::when_smaller;
  link.maps_hidden = config.choice("maps", {"exposed", "hidden"}) == "hidden";
}

void read_limits(const Config& config, Limits& limits) {
  limits.kernel_rows = integer_in(config, "kernel_rows", 1, 1024);
  limits.kernel_columns = integer_in(config, "kernel_columns", 1, 1024);
  limits.channels = integer_in(config, "channels", 1, 1 << 24);
  limits.filters = integer_in(config, "filters", 1, 1 << 24);
  limits.row_strides = config.integers("row_strides");
  limits.column_stride = integer_in(config, "column_stride", 1, 1024);
}

ListedMapping read_mapping(const Config& entry, const std::string& layer, const Array& array,
                           std::string* wrong) {
  ListedMapping listed;
  listed.layer = layer;
  // Bounds under which no product of a mapping's numbers leaves 64 bits.
  const auto number = [&](std::string_view key, int64_t highest) { return positive(entry, key, highest); };
  listed.in_channels = number("in_channels", 1 << 20);
  listed.out_channels = number("out_channels", 1 << 20);
  listed.groups = number("groups", 1 << 20);
  listed.kernel = number("kernel", 128);
  listed.stride = number("stride", 64);
  listed.out_rows = number("out_rows", 4096);
  listed.mapping = {.m = number("m", 1 << 20),
                    .n = number("n", 256),
                    .e = number("e", 1024),
                    .p = number("p", 1024),
                    .q = number("q", 256),
                    .r = number("r", 256),
                    .t = number("t", 256)};
  const LayerShape shape{.pictures = listed.mapping.n,
                         .channels = listed.in_channels / listed.groups,
                         .filters = listed.out_channels / listed.groups,
                         .kernel_rows = listed.kernel,
                         .kernel_columns = listed.kernel,
                         .out_rows = listed.out_rows,
                         .out_columns = listed.out_rows,
                         .stride_rows = listed.stride,
                         .stride_columns = listed.stride};
  *wrong = misfit(array, shape, listed.mapping);
  return listed;
}

void read_arithmetic(const Config& config, EyerissConfig& chip) {
  const std::string rounding =
      config.choice("rounding", {"floor", "toward_zero", "half_up", "half_away", "half_even"});
  if (!rounding.empty()) chip.rounding = parse_rounding(rounding);
  chip.overflow =
      config.choice("overflow", {"saturate", "wrap"}) == "wrap" ? Overflow::wrap : Overflow::saturate;
  const std::string density = config.text("unknown_output_density");
  using Unknown = EyerissConfig::UnknownOutput;
  chip.unknown_output = density == "as_output"  ? Unknown::as_output
                        : density == "as_input" ? Unknown::as_input
                                                : Unknown::number;
  if (chip.unknown_output == Unknown::number && config.has("unknown_output_density")) {
    chip.unknown_output_density = config.number("unknown_output_density");
    if (!(chip.unknown_output_density >= 0 && chip.unknown_output_density <= 1))
      config.fault("unknown_output_density", "must be 'as_output', 'as_input' or lie between 0 and 1");
  }
  const Config extensions = config.section("extensions");
  chip.fully_connected = extensions.boolean("fully_connected");
  chip.any_size = extensions.boolean("any_size");
}

void fill_architecture(EyerissConfig& chip) {
  Architecture& architecture = chip.architecture;
  architecture.multipliers = chip.array.elements();
  architecture.word_bits = chip.word_bits;
  architecture.accumulator_bits = chip.word_bits;
  architecture.dram_bits_per_cycle = Bits(static_cast<int64_t>(chip.link_bits_per_cycle()));
  const Bits word(chip.word_bits);
  const auto pad = [&](const char* name, int64_t words, bool is_register) {
    return Memory{.name = name,
                  .capacity = word * words,
                  .word = word,
                  .instances = chip.array.elements(),
                  .is_register = is_register};
  };
  architecture.memories = {
      {.name = "global_buffer",
       .capacity = word * chip.array.bank_words * chip.array.banks,
       .word = Bits(64)},
      {.name = "weight_memory", .capacity = word * chip.array.filter_buffer_words, .word = Bits(64)},
      pad("kernel_memory", chip.array.filter_words, false),
      pad("input_registers", chip.array.input_words, true),
      pad("partial_sum_registers", chip.array.sum_words, true)};
}

}  // namespace

EyerissConfig read_eyeriss_config(const Config& config) {
  EyerissConfig chip;
  chip.architecture = read_identity(config, "eyeriss");
  chip.architecture.core_area = config.quantity<SquareMillimetres>("core_area", SquareMillimetres());
  chip.word_bits = static_cast<int>(std::max<int64_t>(2, quantity_in<Bits>(config, "word", 2, 16)));
  read_array(config, chip);
  read_link(config.section("link"), chip.link);
  read_limits(config.section("limits"), chip.limits);
  chip.array.pass_channels = positive(config.section("limits"), "pass_channels", 1 << 24);
  chip.batch = positive(config, "batch", 256);
  read_arithmetic(config, chip);
  chip.walking = config.choice("model", {"fast", "walking"}) == "walking";
  chip.listed_first = config.choice("mapping", {"listed_first", "chosen"}) == "listed_first";
  if (config.has("mappings")) {
    const Config mappings = config.section("mappings");
    for (const std::string& layer : mappings.keys()) {
      std::string wrong;
      const Config entry = mappings.section(layer);
      chip.mappings.push_back(read_mapping(entry, layer, chip.array, &wrong));
      if (chip.listed_first && !wrong.empty()) entry.fault({}, wrong, "mapping=chosen finds others");
    }
  }
  const double rate = chip.link_bits_per_cycle();
  if (!(rate >= 1e-6 && rate <= 1e6)) {
    config.section("link").fault("clock", "must bring between 1e-6 and 1e6 bits a cycle of the core",
                                 "see 'clock' and 'link.width'");
  }
  config.finish();
  fill_architecture(chip);
  chip.resolved = config.resolved();
  return chip;
}

}  // namespace deltahop::eyeriss
