// SPDX-License-Identifier: Apache-2.0
// What follows the products of a recurrent layer: sums of all gates to the new hidden state in one pass, for
// GRU (both ways of resetting), LSTM and the plain RNN with their default activations. The sigmoid and the
// tangent are our own, the same formula on every instruction set: within 4e-7 of the true value.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

namespace deltahop {

// The pre-activation of row r is memory[r] * scale[r] + bias[r]. scale may be empty (1, for float memories),
// and bias may be empty (0, where the memories start from the biases). Sum: float, int32_t, int64_t.
template <class Sum>
struct GateSums {
  std::span<const Sum> memory;
  std::span<const float> scale;
  std::span<const float> bias;
};

// Reset after the product (linear_before_reset = 1). Rows: [cx, z, r, ch], H each, so that the columns of x
// feed rows [0, 3H) and those of h rows [H, 4H).
//   h = (1 - z) * tanh(cx + r * ch) + z * h
void gru_gates(const GateSums<float>& sums, std::span<float> h);
void gru_gates(const GateSums<int32_t>& sums, std::span<float> h);
void gru_gates(const GateSums<int64_t>& sums, std::span<float> h);

// Reset before the product. Rows: [c, z, r]: x feeds all, h rows [H, 3H), reset_h rows [0, H).
// First r * h into reset_h (whose changes are then sent), then the rest.
//   h = (1 - z) * tanh(c) + z * h
void gru_reset(const GateSums<float>& sums, std::span<const float> h, std::span<float> reset_h);
void gru_reset(const GateSums<int32_t>& sums, std::span<const float> h, std::span<float> reset_h);
void gru_reset(const GateSums<int64_t>& sums, std::span<const float> h, std::span<float> reset_h);
void gru_update(const GateSums<float>& sums, std::span<float> h);
void gru_update(const GateSums<int32_t>& sums, std::span<float> h);
void gru_update(const GateSums<int64_t>& sums, std::span<float> h);

// Rows: [i, o, f, c] (ONNX's order), x and h feed all. peepholes: [i, o, f], 3H, or empty.
//   c = f * c + i * tanh(c~); h = o * tanh(c)
void lstm_gates(const GateSums<float>& sums, std::span<const float> peepholes, std::span<float> c,
                std::span<float> h);
void lstm_gates(const GateSums<int32_t>& sums, std::span<const float> peepholes, std::span<float> c,
                std::span<float> h);
void lstm_gates(const GateSums<int64_t>& sums, std::span<const float> peepholes, std::span<float> c,
                std::span<float> h);

// h = tanh(sum)
void rnn_gates(const GateSums<float>& sums, std::span<float> h);
void rnn_gates(const GateSums<int32_t>& sums, std::span<float> h);
void rnn_gates(const GateSums<int64_t>& sums, std::span<float> h);

// Many at once, in place of loops over std::tanh; out may be values.
void sigmoid_all(std::span<const float> values, std::span<float> out);
void tanh_all(std::span<const float> values, std::span<float> out);

// --- slow and clear, in double ---

namespace gates_reference {

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

template <class Sum>
double value(const GateSums<Sum>& sums, size_t row) {
  const double scale = sums.scale.empty() ? 1.0 : sums.scale[row];
  return static_cast<double>(sums.memory[row]) * scale + (sums.bias.empty() ? 0.0 : sums.bias[row]);
}

template <class Sum>
void gru(const GateSums<Sum>& sums, std::span<float> h) {
  const size_t n = h.size();
  for (size_t i = 0; i < n; ++i) {
    const double z = sigmoid(value(sums, n + i)), r = sigmoid(value(sums, 2 * n + i));
    const double c = std::tanh(value(sums, i) + r * value(sums, 3 * n + i));
    h[i] = static_cast<float>((1 - z) * c + z * h[i]);
  }
}

template <class Sum>
void gru_reset(const GateSums<Sum>& sums, std::span<const float> h, std::span<float> reset_h) {
  const size_t n = h.size();
  for (size_t i = 0; i < n; ++i) reset_h[i] = static_cast<float>(sigmoid(value(sums, 2 * n + i)) * h[i]);
}

template <class Sum>
void gru_update(const GateSums<Sum>& sums, std::span<float> h) {
  const size_t n = h.size();
  for (size_t i = 0; i < n; ++i) {
    const double z = sigmoid(value(sums, n + i));
    h[i] = static_cast<float>((1 - z) * std::tanh(value(sums, i)) + z * h[i]);
  }
}

template <class Sum>
void lstm(const GateSums<Sum>& sums, std::span<const float> peepholes, std::span<float> c,
          std::span<float> h) {
  const size_t n = h.size();
  const auto peep = [&](size_t gate, size_t i) { return peepholes.empty() ? 0.0 : peepholes[gate * n + i]; };
  for (size_t i = 0; i < n; ++i) {
    const double in = sigmoid(value(sums, i) + peep(0, i) * c[i]);
    const double forget = sigmoid(value(sums, 2 * n + i) + peep(2, i) * c[i]);
    const double cell = forget * c[i] + in * std::tanh(value(sums, 3 * n + i));
    const double out = sigmoid(value(sums, n + i) + peep(1, i) * cell);
    c[i] = static_cast<float>(cell);
    h[i] = static_cast<float>(out * std::tanh(cell));
  }
}

}  // namespace gates_reference

}  // namespace deltahop
