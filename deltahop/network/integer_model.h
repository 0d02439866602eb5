// SPDX-License-Identifier: Apache-2.0
// The integer contract of a network: a number format for every value, and how results are rounded. Two
// programs that hold the same IntegerModel must produce the same bits.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "deltahop/network/network.h"
#include "deltahop/tensor/fixed_point.h"

namespace deltahop {

inline constexpr std::string_view kFormatsKey =
    "deltahop.formats";  // of formats_text() in a network's metadata

// What the hardware does with a sum before it is stored. A chip names its own (Accelerator::arithmetic()).
struct Arithmetic {
  int activation_bits = 16;
  int weight_bits = 16;
  Rounding rounding = Rounding::half_even;
  Overflow overflow = Overflow::saturate;
  friend bool operator==(const Arithmetic&, const Arithmetic&) = default;
};

struct IntegerModel {
  Network network;  // batch normalisation folded, dropout gone
  Arithmetic arithmetic;
  // The format of every value that is not a constant, and of the weights of every layer with an integer rule.
  // Biases have no format: they are rounded to the scale of the sums they are added to, bias << fraction.
  std::map<ValueId, FixedFormat> formats;
  // Values that the host computes in float and rounds (softmax, LRN, ...): no integer rule exists for their
  // makers.
  std::map<ValueId, std::string> host_reasons;
};

// What to enter as IntegerModel::host_reasons. Shapes must be bound.
std::map<ValueId, std::string> host_reasons_of(const Network& network);

// As text that travels beside the model or in its metadata: one line a value, "conv1 Q8.8", after a line with
// the arithmetic.
std::string formats_text(const IntegerModel& model);
// Applies such text to a network. Throws Error (place: `name`:line) on an unknown value, a missing format, a
// bad format.
IntegerModel model_from_formats(Network network, std::string_view text, std::string_view name);

}  // namespace deltahop
