// SPDX-License-Identifier: Apache-2.0
// What is known of a layer's zeros: how many values of each operand are none, what each code makes of them,
// and which share of the multiplications they reach. Measured on a trace, value by value, or expected for
// independent zeros of given densities.
//   ZeroMeter meter(workload, weights);  meter.add(input, output);  const LayerZeros zeros = meter.zeros();
#pragma once

#include <optional>
#include <string_view>

#include "deltahop/mapping/problem.h"
#include "deltahop/network/mac_counts.h"
#include "deltahop/tensor/tensor.h"

namespace deltahop {

// How moved words are coded: tensor/encodings/.
enum class Code : uint8_t { none, sparsity_map, run_length, csc };
inline constexpr std::array<std::string_view, 4> kCodeNames = {"none", "sparsity_map", "run_length", "csc"};

// Of one operand, for each of its values.
struct OperandZeros {
  double density = 1.0;       // values that are not zero
  double mask_bits = 1.0;     // of the sparsity map, filling of its last words included
  double pairs = 1.0;         // of the run-length code: runs of at most 31 zeros and a value
  double entries = 1.0;       // of CSC with 4-bit indices
  double pointer_bits = 0.0;  // of CSC
  // A coded word, as a fraction of a plain one.
  double size(Code code, int64_t word_bits) const;
  friend bool operator==(const OperandZeros&, const OperandZeros&) = default;
};

struct LayerZeros {
  std::array<OperandZeros, kOperands> operands;
  // Shares of all multiplications, those with padding included: their weight, their input, or neither is
  // zero.
  double weight_macs = 1.0, input_macs = 1.0, both_macs = 1.0;
  const OperandZeros& of(Operand operand) const { return operands[index_of(operand)]; }
  friend bool operator==(const LayerZeros&, const LayerZeros&) = default;
};

// By operand; inputs with their padding, as chips that store padded maps move them.
using Densities = std::array<double, kOperands>;

// The means over independent zeros: exact for the sparsity map and for CSC, and for the run-length code but
// for what its first run and its last word are short of.
LayerZeros expected_zeros(const Problem& problem, const Densities& densities);

// Counts over the inputs of a layer (batch 1 each).
class ZeroMeter {
 public:
  // weights: int16 [K, C/groups, R, S]; null: none is zero.
  ZeroMeter(const Workload& workload, const Tensor* weights);
  // input: int16 [1, C, H, W] without its padding; output: the stored one, after ReLU and pooling; null: not
  // known, and then no zero is assumed in it.
  void add(const Tensor& input, const Tensor* output);
  // Of meters of one layer.
  ZeroMeter& operator+=(const ZeroMeter& other);
  // Absent before anything was added.
  std::optional<LayerZeros> zeros() const;

 private:
  struct Sums {
    double values = 0, nonzeros = 0, mask_bits = 0, pairs = 0, entries = 0, pointer_bits = 0;
    OperandZeros zeros() const;
    void add(const Sums& other);
  };
  static Sums sums_of(std::span<const int16_t> values, int64_t channels, int64_t rows, int64_t columns);

  Workload workload_;
  MacCounter counter_;
  std::array<Sums, kOperands> sums_;
  double macs_ = 0, input_macs_ = 0, both_macs_ = 0;
};

}  // namespace deltahop
