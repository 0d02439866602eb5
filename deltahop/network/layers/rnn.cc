// SPDX-License-Identifier: Apache-2.0
// RNN: h = f(W x + R h + Wb + Rb).
#include "deltahop/network/recurrent_layer.h"

namespace deltahop {

std::vector<LayerKind> describe_rnn() {
  return {{"RNN", "a plain recurrent layer over a sequence", make_recurrent<CellKind::rnn>}};
}

}  // namespace deltahop
