// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/exact_gru.h"

#include <algorithm>
#include <cmath>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

// All tensors here hold integers in double: codes, and sums of products of codes, exact below 2^53.

torch::Tensor shifted(const torch::Tensor& sums, int bits) {  // half to even
  return torch::round(sums * std::ldexp(1.0, -bits));
}

// What a register of `bits` shows of a number: two's complement, wrapping.
torch::Tensor wrapped(const torch::Tensor& sums, int bits) {
  const double size = std::ldexp(1.0, bits);
  return sums - size * torch::floor((sums + size / 2) / size);
}

torch::Tensor weight_codes(const torch::Tensor& weights, FixedFormat format) {
  const auto highest = static_cast<double>(format.highest());
  return torch::round(weights * std::ldexp(1.0, format.fraction_bits)).clamp_(-highest, highest);
}

// A table of all codes of an activation word of 16 bits, in its own steps, with only the gates' bits in use.
torch::Tensor table_of(double (*function)(double), const DeltaGruFormats& formats) {
  torch::Tensor table = torch::empty({65536}, torch::kFloat64);
  const double finer = std::ldexp(1.0, formats.activation.fraction_bits - formats.gate_fraction_bits);
  for (int code = -32768; code < 32768; ++code) {
    const double value = function(std::ldexp(code, -formats.activation.fraction_bits));
    table.data_ptr<double>()[code + 32768] =
        finer * std::nearbyint(std::ldexp(value, formats.gate_fraction_bits));
  }
  return table;
}

torch::Tensor looked_up(const torch::Tensor& table, const torch::Tensor& codes) {
  return table.index_select(0, (codes + 32768).to(torch::kInt64).flatten()).view(codes.sizes());
}

// One stream of deltas: codes in, what the receiver knows after this step out.
struct Stream {
  double theta;  // in steps
  FixedFormat format;
  torch::Tensor known;  // [B, N]
  int64_t sent = 0;

  void step(const torch::Tensor& codes, const torch::Tensor& counted) {
    const torch::Tensor change = codes - known;
    const torch::Tensor fires = change.ne(0).logical_and_(change.abs().ge(theta));
    // A difference of two words can be beyond a word: it is clamped, the rest follows in the next step.
    const torch::Tensor delta =
        change.clamp(static_cast<double>(format.lowest()), static_cast<double>(format.highest()));
    known = torch::where(fires, known + delta, known);
    sent += fires.logical_and(counted.unsqueeze(1)).sum().item<int64_t>();
  }
};

class Cell {
 public:
  Cell(const GruWeights& weights, const DeltaGruFormats& formats)
      : formats_(formats),
        hidden_(weights.recurrent.size(1)),
        input_(weight_codes(weights.input, formats.weight).t().contiguous()),
        recurrent_(weight_codes(weights.recurrent, formats.weight).t().contiguous()) {
    const double one = std::ldexp(1.0, formats.activation.fraction_bits);
    const torch::Tensor &own = weights.input_bias, &other = weights.recurrent_bias;
    // z and r add both biases before they are rounded; the candidate's stay apart.
    const torch::Tensor gates = own.narrow(0, 0, 2 * hidden_) + other.narrow(0, 0, 2 * hidden_);
    input_bias_ =
        one * weight_codes(torch::cat({gates, own.narrow(0, 2 * hidden_, hidden_)}), formats.weight);
    recurrent_bias_ = torch::zeros_like(input_bias_);
    recurrent_bias_.narrow(0, 2 * hidden_, hidden_) =
        one * weight_codes(other.narrow(0, 2 * hidden_, hidden_), formats.weight);
    sigmoid_ = table_of([](double x) { return 1 / (1 + std::exp(-x)); }, formats);
    tanh_ = table_of([](double x) { return std::tanh(x); }, formats);
  }

  // The new state's codes.
  torch::Tensor step(const torch::Tensor& known_x, const torch::Tensor& known_h,
                     const torch::Tensor& state) const {
    const int a = formats_.activation.fraction_bits, w = formats_.weight.fraction_bits;
    const auto from_x = torch::addmm(input_bias_, known_x, input_).chunk(3, 1);
    const auto from_h = torch::addmm(recurrent_bias_, known_h, recurrent_).chunk(3, 1);
    const torch::Tensor z = looked_up(sigmoid_, gate_input(from_x[0] + from_h[0]));
    const torch::Tensor r = looked_up(sigmoid_, gate_input(from_x[1] + from_h[1]));
    const int fraction = std::max(a + w, 2 * a);
    const torch::Tensor candidate = held(from_x[2]) * std::ldexp(1.0, fraction - a - w) +
                                    r * gate_input(from_h[2]) * std::ldexp(1.0, fraction - 2 * a);
    const torch::Tensor c = looked_up(tanh_, cut(shifted(candidate, fraction - a)));
    return cut(shifted((std::ldexp(1.0, a) - z) * c, a) + shifted(z * state, a));
  }

 private:
  torch::Tensor held(const torch::Tensor& sums) const { return wrapped(sums, formats_.accumulator_bits); }
  torch::Tensor cut(const torch::Tensor& codes) const {
    return wrapped(codes, formats_.activation.total_bits);
  }
  torch::Tensor gate_input(const torch::Tensor& sums) const {
    return cut(shifted(held(sums), formats_.weight.fraction_bits));
  }

  DeltaGruFormats formats_;
  int64_t hidden_;
  torch::Tensor input_, recurrent_, input_bias_, recurrent_bias_, sigmoid_, tanh_;
};

}  // namespace

ExactGruRun exact_gru(const torch::Tensor& x, const GruWeights& weights, const DeltaGruFormats& formats,
                      double theta_x, double theta_h, const torch::Tensor& lengths) {
  DELTAHOP_CHECK(x.scalar_type() == torch::kFloat64 && weights.input.scalar_type() == torch::kFloat64);
  check_formats(formats);
  const torch::NoGradGuard no_gradients;
  const double one = std::ldexp(1.0, formats.activation.fraction_bits);
  const int64_t steps = x.size(0), batch = x.size(1);
  const torch::Tensor codes = torch::round(x * one).clamp_(static_cast<double>(formats.activation.lowest()),
                                                           static_cast<double>(formats.activation.highest()));
  const torch::Tensor counted = frame_mask(steps, batch, lengths, x).to(torch::kBool);
  const Cell cell(weights, formats);
  torch::Tensor state = torch::zeros({batch, weights.recurrent.size(1)}, torch::kFloat64);
  Stream input{std::ceil(theta_x * one), formats.activation, torch::zeros_like(codes[0])};
  Stream hidden{std::ceil(theta_h * one), formats.activation, torch::zeros_like(state)};
  ExactGruRun run;
  run.outputs = torch::empty({steps, batch, state.size(1)}, torch::kFloat64);
  for (int64_t t = 0; t < steps; ++t) {
    input.step(codes[t], counted[t]);
    hidden.step(state, counted[t]);
    state = cell.step(input.known, hidden.known, state);
    run.outputs[t] = state / one;
  }
  run.sent_x = input.sent;
  run.sent_h = hidden.sent;
  run.steps = counted.sum().item<int64_t>();
  return run;
}

}  // namespace deltahop
