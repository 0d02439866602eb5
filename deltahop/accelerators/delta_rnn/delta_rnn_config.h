// SPDX-License-Identifier: Apache-2.0
// DeltaRNN's configuration as plain data, read strictly from YAML. Much of the chip is not documented: what
// is open is a key, README.md says why each value was chosen.
#pragma once

#include <cstdint>
#include <string>

#include "deltahop/base/config.h"
#include "deltahop/hardware/architecture.h"
#include "deltahop/network/integer_delta_gru.h"

namespace deltahop::delta_rnn {

struct DeltaRnnConfig {
  Architecture architecture;
  DeltaGruFormats formats;
  int64_t macs = 768;
  int64_t encoder_elements = 16;  // looked at in a cycle
  int64_t activation_units = 16;  // finished in a cycle
  int64_t activation_depth = 10;  // cycles
  int64_t most_layers = 1;
  Bits weight_memory;
  std::string resolved;

  // Cycles that one column of three gates takes.
  int64_t column_cycles(int64_t units) const { return (3 * units + macs - 1) / macs; }
  int64_t activation_cycles(int64_t units) const {
    return (units + activation_units - 1) / activation_units + activation_depth;
  }
};

DeltaRnnConfig read_delta_rnn_config(const Config& config);

}  // namespace deltahop::delta_rnn
