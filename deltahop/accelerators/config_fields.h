// SPDX-License-Identifier: Apache-2.0
// What the configurations of chips have in common: bounded numbers, number formats, the facts of every chip.
// A fault is noted in `config`, and a value in bounds is returned: the caller asks config.finish().
#pragma once

#include <string_view>

#include "deltahop/base/config.h"
#include "deltahop/hardware/architecture.h"
#include "deltahop/network/integer_delta_gru.h"

namespace deltahop {

// `value` where it lies in [lowest, highest], else `lowest` and a fault of `key`.
int64_t bounded(const Config& config, std::string_view key, int64_t value, int64_t lowest, int64_t highest);

inline int64_t integer_in(const Config& config, std::string_view key, int64_t lowest, int64_t highest) {
  return bounded(config, key, config.integer(key), lowest, highest);
}
// The number of a quantity: quantity_in<Bits>(config, "word", 2, 16).
template <class Q>
int64_t quantity_in(const Config& config, std::string_view key, int64_t lowest, int64_t highest) {
  return bounded(config, key, config.quantity<Q>(key).number(), lowest, highest);
}

// Keys activation, weight, accumulator (bits) and gate_fraction_bits of a recurrent chip.
DeltaGruFormats read_gru_formats(const Config& config, int64_t most_accumulator_bits);

// Keys chip (which must be `chip`), name, citation, technology and clock.
Architecture read_identity(const Config& config, const std::string& chip);

}  // namespace deltahop
