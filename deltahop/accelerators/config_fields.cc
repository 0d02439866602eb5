// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/config_fields.h"

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

FixedFormat format_of(const Config& config, std::string_view key, FixedFormat fallback) {
  try {
    const std::string text = config.text(key);
    return text.empty() ? fallback : parse_fixed_format(text);
  } catch (const Error& error) {
    config.fault(key, error.what());
    return fallback;
  }
}

}  // namespace

int64_t bounded(const Config& config, std::string_view key, int64_t value, int64_t lowest, int64_t highest) {
  if (!config.has(key) || (value >= lowest && value <= highest)) return value;
  config.fault(key, fmt::format("must lie between {} and {}", lowest, highest));
  return lowest;
}

DeltaGruFormats read_gru_formats(const Config& config, int64_t most_accumulator_bits) {
  DeltaGruFormats formats;
  formats.activation = format_of(config, "activation", formats.activation);
  formats.weight = format_of(config, "weight", formats.weight);
  formats.accumulator_bits =
      static_cast<int>(quantity_in<Bits>(config, "accumulator", 16, most_accumulator_bits));
  formats.gate_fraction_bits = static_cast<int>(integer_in(config, "gate_fraction_bits", 0, 15));
  try {
    check_formats(formats);
  } catch (const Error& error) {
    config.fault("activation", error.what());
  }
  return formats;
}

Architecture read_identity(const Config& config, const std::string& chip) {
  Architecture architecture;
  config.choice("chip", {chip});
  architecture.name = config.text("name");
  architecture.citation = config.text("citation");
  architecture.technology = config.text("technology");
  architecture.clock = config.quantity<Hertz>("clock");
  if (config.has("clock") && !(architecture.clock.number() > 0)) config.fault("clock", "must be above zero");
  return architecture;
}

}  // namespace deltahop
