// SPDX-License-Identifier: Apache-2.0
// A GRU in float becomes the integer delta GRU that chips run: gates reordered, biases folded, everything
// rounded half to even and clipped symmetrically.
//   const QuantizedGru gru = quantized_gru(recurrent_cells(network, node)[0], formats, thresholds);
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "deltahop/network/delta_thresholds.h"
#include "deltahop/network/integer_delta_gru.h"
#include "deltahop/network/recurrent_cell.h"

namespace deltahop {

struct QuantizedGru {
  std::shared_ptr<const IntegerDeltaGruLayer> layer;
  int64_t clipped = 0;                // weights and biases beyond the format
  double largest_weight = 0;          // magnitude, biases included, before rounding
  double largest_candidate_bias = 0;  // of the candidate's recurrent bias, which some chips have no place for
};

// The hidden biases of r and u are added to those of the input; the candidate's stays apart, inside the
// product with r. Throws Error (no place) on what the integer cell does not do: other kinds than GRU,
// linear_before_reset = 0, other activations than sigmoid and tanh, clip, a sequence read backwards.
QuantizedGru quantized_gru(const RecurrentCell& cell, const DeltaGruFormats& formats,
                           const DeltaThresholds& thresholds);

// The formats as text that travels in a network's metadata under kGruFormatsKey:
// "activation Q8.8 weight Q1.7 accumulator 24 gates 4".
inline constexpr const char* kGruFormatsKey = "deltahop.gru_formats";
std::string text_of(const DeltaGruFormats& formats);
DeltaGruFormats parse_gru_formats(std::string_view text, std::string_view place);  // throws Error
// What the network's metadata says; EdgeDRNN's where it says nothing. Throws Error.
DeltaGruFormats gru_formats_in(const Network& network);

// The smallest difference in steps of the format that the rule |d| >= theta sends. Throws Error where theta
// is negative or beyond the format.
int32_t threshold_code(double theta, FixedFormat format);

}  // namespace deltahop
