// SPDX-License-Identifier: Apache-2.0
// GRU: h = (1 - z) * c + z * h, with the update gate z = f(W x + R h + b), the reset gate r alike, and the
// candidate c = g(W x + Wb + R (r * h) + Rb), or g(W x + Wb + r * (R h + Rb)) with linear_before_reset.
#include "deltahop/network/recurrent_layer.h"

namespace deltahop {

std::vector<LayerKind> describe_gru() {
  return {{"GRU", "gated recurrent units over a sequence", make_recurrent<CellKind::gru>}};
}

}  // namespace deltahop
