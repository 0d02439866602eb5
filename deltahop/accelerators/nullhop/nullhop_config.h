// SPDX-License-Identifier: Apache-2.0
// NullHop's configuration as plain data, read strictly from YAML. What [Aimar2019] and the authors' driver
// leave open is a key here; README.md says which value was chosen and why.
#pragma once

#include <string>

#include "deltahop/base/config.h"
#include "deltahop/hardware/architecture.h"
#include "deltahop/tensor/fixed_point.h"

namespace deltahop::nullhop {

// overlapped: hidden behind the computation as far as the port has time for it.
enum class Loading { serial, overlapped };
enum class Compression { always, when_smaller, never };

// Abilities that the published chip lacks; granted by name.
struct Extensions {
  bool stride = false;               // a stride above 1, by sending a pixel only to the outputs that need it
  bool average_pooling = false;      // 2x2 means beside 2x2 maxima
  bool large_kernels = false;        // above kernel_limit
  bool rectangular_kernels = false;  // other rows than columns
  bool groups = false;               // grouped layers, each group run as a layer of its own
  bool few_output_channels =
      false;  // fewer than macs / most_macs_per_channel outputs, made up by dummy outputs
};

struct NullhopConfig {
  Architecture architecture;
  int64_t macs = 128;
  int64_t cluster_macs = 16;          // share one sparsity-map word of the output
  int64_t most_macs_per_channel = 8;  // also the number of controllers
  int64_t kernel_words_per_mac = 4096;
  Loading kernel_load = Loading::serial;
  Bits input_capacity{int64_t{512} * 1024 * 8};
  int64_t manager_pixels_per_cycle = 1;  // non-zero pixels that one row's manager reads; 0: no bound
  Loading input_load = Loading::overlapped;
  Compression input_compression = Compression::always;
  int64_t stripe_rows = 2;
  int64_t run_ahead_columns = 1;  // how far a controller may be before the slowest one
  int64_t pooling_pixels_per_cycle =
      16;                              // finished sums that the pooling-ReLU-encoding unit takes; 0: no bound
  int64_t pooling_columns = 1;         // finished columns that may wait for it
  int64_t port_bits_per_cycle = 32;    // payload, each way
  double unknown_output_density = -1;  // of a trace without output; negative: as dense as the input
  int64_t registers = 22;              // written before every pass
  int64_t cycles_per_pass = 0;         // further cost of a start: interrupt, driver
  int64_t kernel_limit = 7;
  int word_bits = 16;
  Rounding rounding = Rounding::floor;
  Overflow overflow = Overflow::saturate;
  Rounding average_rounding = Rounding::floor;
  Extensions extensions;
  bool ticking = false;  // simulate() by the ticking model
  std::string resolved;  // the YAML in force
};

// Reads every key, then finishes the configuration. Throws Error with file, line and column.
NullhopConfig read_nullhop_config(const Config& config);

}  // namespace deltahop::nullhop
