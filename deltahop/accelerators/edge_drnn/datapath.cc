// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/edge_drnn/datapath.h"

#include <algorithm>

#include "deltahop/base/error.h"

namespace deltahop::edge_drnn {

EncoderState::EncoderState(const LayerPlace& place)
    : x_sent(static_cast<size_t>(place.inputs)),
      h_sent(static_cast<size_t>(place.units)),
      h(static_cast<size_t>(place.units)) {}

int16_t EncoderState::encode(int64_t position, std::span<const int16_t> x,
                             const IntegerDeltaGruLayer& layer) {
  const auto inputs = std::ssize(x_sent);
  const bool is_input = position < inputs;
  const auto at = static_cast<size_t>(is_input ? position : position - inputs);
  if (is_input && at >= x.size()) return 0;  // padding
  const int16_t value = is_input ? x[at] : h[at];
  int16_t& sent = is_input ? x_sent[at] : h_sent[at];
  return sent_delta(value, sent, is_input ? layer.theta_x : layer.theta_h, layer.formats.activation);
}

Datapath::Datapath(const EdgeDrnnConfig& chip, const LayerPlace& place, std::span<const int8_t> image,
                   std::span<const int16_t> candidate_bias)
    : chip_(chip), place_(place), image_(image), tables_(chip.formats) {
  DELTAHOP_CHECK(chip.formats.accumulator_bits <= 32);
  for (std::vector<int32_t>& sums : sums_) sums.assign(static_cast<size_t>(place.units), 0);
  for (size_t unit = 0; unit < candidate_bias.size(); ++unit)  // extension
    sums_[3][unit] = narrow(int64_t{candidate_bias[unit]} << chip.formats.activation.fraction_bits);
}

int32_t Datapath::narrow(int64_t value) const {
  const int unused = 32 - chip_.formats.accumulator_bits;
  return static_cast<int32_t>(static_cast<uint32_t>(value) << unused) >> unused;
}

int16_t Datapath::word(int64_t value) const {
  const int unused = 32 - chip_.formats.activation.total_bits;
  return static_cast<int16_t>(static_cast<int32_t>(static_cast<uint32_t>(value) << unused) >> unused);
}

// Half to even: one less than half is added where the bit that stays is even.
int64_t Datapath::rounded_shift(int64_t value, int bits) const {
  if (bits == 0) return value;
  const int64_t half = int64_t{1} << (bits - 1);
  return (value + half - ((value >> bits & 1) != 0 ? 0 : 1)) >> bits;
}

void Datapath::multiply_beat(const SentColumn& column, int64_t beat) {
  const int64_t address = place_.column_address(column.position) - chip_.weights_address;
  const int8_t* weights = image_.data() + address + beat * chip_.elements;
  const auto gate = static_cast<size_t>(beat / place_.groups);
  const bool from_hidden = column.position >= place_.inputs;
  int32_t* sums = sums_[gate == 2 && from_hidden ? 3 : gate].data() + beat % place_.groups * chip_.elements;
  for (int64_t element = 0; element < chip_.elements; ++element)
    sums[element] = narrow(int64_t{sums[element]} + int32_t{weights[element]} * column.delta);
}

void Datapath::multiply_column(const SentColumn& column) {
  for (int64_t beat = 0; beat < place_.beats; ++beat) multiply_beat(column, beat);
}

void Datapath::activate_group(int64_t group, std::span<int16_t> h) {
  const int a = chip_.formats.activation.fraction_bits, w = chip_.formats.weight.fraction_bits;
  const int64_t one = int64_t{1} << a;
  for (int64_t element = 0; element < chip_.elements; ++element) {
    const auto unit = static_cast<size_t>(group * chip_.elements + element);
    const int64_t r = tables_.sigmoid(word(rounded_shift(sums_[0][unit], w)));
    const int64_t u = tables_.sigmoid(word(rounded_shift(sums_[1][unit], w)));
    const int64_t gated = r * word(rounded_shift(sums_[3][unit], w));
    // The multiplier's result has 2a fraction bits, the sum of x has a + w: both go to the longer one.
    const int64_t candidate =
        a >= w ? (int64_t{sums_[2][unit]} << (a - w)) + gated : int64_t{sums_[2][unit]} + (gated << (w - a));
    const int64_t c = tables_.tanh(word(rounded_shift(candidate, std::max(a, w))));
    h[unit] = word(rounded_shift((one - u) * c, a) + rounded_shift(u * h[unit], a));
  }
}

}  // namespace deltahop::edge_drnn
