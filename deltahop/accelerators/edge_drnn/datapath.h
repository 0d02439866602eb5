// SPDX-License-Identifier: Apache-2.0
// The processing elements: one beat of weights after the other times the delta in hand into accumulators
// that wrap, then the activation phase in groups of one unit each. Works on the memory image's bytes, so that
// layout, beats and arithmetic are checked together.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "deltahop/accelerators/edge_drnn/memory_image.h"

namespace deltahop::edge_drnn {

// Scan positions count the padded inputs, then the padded units; the bias comes before them.
inline constexpr int32_t kBiasPosition = -1;

struct SentColumn {
  int32_t position = kBiasPosition;
  int16_t delta = 0;
};

// The delta encoder's memories of one layer.
struct EncoderState {
  std::vector<int16_t> x_sent, h_sent, h;
  explicit EncoderState(const LayerPlace& place);
  // The delta of one element of the scan, 0 for none; what was sent is remembered.
  int16_t encode(int64_t position, std::span<const int16_t> x, const IntegerDeltaGruLayer& layer);
};

class Datapath {
 public:
  // `image`: the bytes of all layers from the weights' address on.
  Datapath(const EdgeDrnnConfig& chip, const LayerPlace& place, std::span<const int8_t> image,
           std::span<const int16_t> candidate_bias);

  // Beat `beat` of the column, times its delta.
  void multiply_beat(const SentColumn& column, int64_t beat);
  void multiply_column(const SentColumn& column);
  // The units of one group: [group * elements, (group + 1) * elements).
  void activate_group(int64_t group, std::span<int16_t> h);

 private:
  int32_t narrow(int64_t value) const;  // as the register shows it
  int16_t word(int64_t value) const;    // as an activation's word shows it
  int64_t rounded_shift(int64_t value, int bits) const;

  const EdgeDrnnConfig& chip_;
  LayerPlace place_;
  std::span<const int8_t> image_;
  ActivationTables tables_;
  // r, u, c of x, c of h: row after row, so that row i sits in element i mod K.
  std::array<std::vector<int32_t>, 4> sums_;
};

}  // namespace deltahop::edge_drnn
