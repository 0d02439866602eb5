// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/gates.h"

namespace deltahop {

template <class Sum>
void gru_gates(const GateSums<Sum>& sums, std::span<float> h) {
  gates_reference::gru(sums, h);
}

template <class Sum>
void gru_reset(const GateSums<Sum>& sums, std::span<const float> h, std::span<float> reset_h) {
  gates_reference::gru_reset(sums, h, reset_h);
}

template <class Sum>
void gru_update(const GateSums<Sum>& sums, std::span<float> h) {
  gates_reference::gru_update(sums, h);
}

template <class Sum>
void lstm_gates(const GateSums<Sum>& sums, std::span<const float> peepholes, std::span<float> c,
                std::span<float> h) {
  gates_reference::lstm(sums, peepholes, c, h);
}

template <class Sum>
void rnn_gates(const GateSums<Sum>& sums, std::span<float> h) {
  for (size_t i = 0; i < h.size(); ++i) {
    h[i] = static_cast<float>(std::tanh(gates_reference::value(sums, i)));
  }
}

void sigmoid_all(std::span<const float> values, std::span<float> out) {
  for (size_t i = 0; i < values.size(); ++i) out[i] = static_cast<float>(gates_reference::sigmoid(values[i]));
}

void tanh_all(std::span<const float> values, std::span<float> out) {
  for (size_t i = 0; i < values.size(); ++i) out[i] = std::tanh(values[i]);
}

#define DELTAHOP_GATES(Sum)                                                                \
  template void gru_gates(const GateSums<Sum>&, std::span<float>);                         \
  template void gru_reset(const GateSums<Sum>&, std::span<const float>, std::span<float>); \
  template void gru_update(const GateSums<Sum>&, std::span<float>);                        \
  template void lstm_gates(const GateSums<Sum>&, std::span<const float>, std::span<float>, \
                           std::span<float>);                                              \
  template void rnn_gates(const GateSums<Sum>&, std::span<float>);
DELTAHOP_GATES(float)
DELTAHOP_GATES(int32_t)
DELTAHOP_GATES(int64_t)
#undef DELTAHOP_GATES

}  // namespace deltahop
