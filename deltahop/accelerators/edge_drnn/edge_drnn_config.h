// SPDX-License-Identifier: Apache-2.0
// EdgeDRNN's configuration as plain data, read strictly from YAML, and how layers lie on it.
#pragma once

#include <cstdint>
#include <string>

#include "deltahop/base/config.h"
#include "deltahop/hardware/architecture.h"
#include "deltahop/network/integer_delta_gru.h"

namespace deltahop::edge_drnn {

struct DramSettings {
  std::string part;  // "" for none
  bool open_page = true, refresh = true;
  int64_t columns_in_flight = 2;
  int64_t port_latency_cycles = 0;
};

struct EdgeDrnnConfig {
  Architecture architecture;
  DeltaGruFormats formats;
  int64_t elements = 8;  // processing elements
  int64_t fifo_depth = 32;
  int64_t activation_cycles = 5;
  int64_t pipeline_fill_cycles = 10;
  int64_t most_layers = 4, most_units = 1024;
  int threshold_bits = 10;
  int64_t weights_address = 0;
  bool ticking = false;
  bool candidate_bias = false;  // extension
  DramSettings dram;
  std::string resolved;

  int64_t beat_bytes() const { return elements * formats.weight.total_bits / 8; }
};

EdgeDrnnConfig read_edge_drnn_config(const Config& config);

// A layer as the chip holds it: units in whole groups, weights column after column.
struct LayerPlace {
  int64_t inputs = 0, units = 0;  // padded: columns and units of zeros, which never send a delta
  int64_t first_column = 0;       // of the layer's bias, in columns from the weights' address
  int64_t address = 0;            // of that column, in bytes
  int64_t beats = 0;              // a column
  int64_t column_bytes = 0;
  int64_t groups = 0;  // of units in the activation phase

  int64_t elements() const { return inputs + units; }  // scanned by the delta encoder in every step
  int64_t columns() const { return 1 + inputs + units; }
  // Of element `position` of the scan: inputs first; -1 is the bias.
  int64_t column_address(int64_t position) const { return address + (position + 1) * column_bytes; }
};
// `first` of a network: its inputs are padded to whole groups; those of later layers are the padded units
// of the layer before. Addresses of layers follow each other; columns of layers may differ in length.
LayerPlace place_layer(const EdgeDrnnConfig& chip, const IntegerDeltaGruLayer& layer,
                       const LayerPlace* previous);

}  // namespace deltahop::edge_drnn
