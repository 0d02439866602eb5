// SPDX-License-Identifier: Apache-2.0
// What one stage did for one input, and the sums over inputs. Records of different inputs may be made on
// different threads; they are added in the order of the inputs, so that one thread and many give the same
// report to the last bit.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "deltahop/network/mac_counts.h"
#include "deltahop/network/trace.h"
#include "deltahop/simulate/stats.h"

namespace deltahop {

// The size of one array under each encoding.
struct SizeSums {
  Bits dense, sparsity_map, run_length, csc;
  double entropy_bits =
      0;  // the bound for independent zeros: no code of single values does better on average
  SizeSums& operator+=(const SizeSums& other);
};
// Of a feature map [1, C, H, W]: a pixel is a column of C values for CSC; anything else is one row of values.
SizeSums map_sizes(const Tensor& codes);
// Of weights [K, C/groups, R, S]: an input is a column of K values for CSC.
SizeSums weight_sizes(const Tensor& codes, int64_t out_channels);

// How far `codes` (times their step) are from `floats`.
struct ErrorSums {
  int64_t values = 0;
  double squared_error = 0, squared_signal = 0, largest = 0;
  void add(const Tensor& codes, FixedFormat format, const Tensor& floats);
  ErrorSums& operator+=(const ErrorSums& other);
};

struct StageRecord {
  MacCounts macs;
  Stats stats;
  int64_t input_values = 0, input_nonzero = 0;
  int64_t output_values = 0, output_nonzero = 0;
  SizeSums input_sizes;
  ErrorSums error;
  std::optional<int64_t> saturated;      // absent where the trace does not say
  int64_t compared = 0, mismatches = 0;  // values of the chip's own output against the integer executor's
};

struct StageTotals {
  StageRecord sum;
  std::vector<double> input_density, output_density;  // one an input
  int64_t inputs = 0;
  void add(const StageRecord& record);
};

// Codes 1 where a float is not zero: what counting and sizes need of a float network.
Tensor zero_pattern(const Tensor& floats);

}  // namespace deltahop
