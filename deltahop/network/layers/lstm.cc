// SPDX-License-Identifier: Apache-2.0
// LSTM: the cell state becomes f * c + i * g(..), the output o * h(c); gates i, f, o may peep at the cell
// state.
#include "deltahop/network/recurrent_layer.h"

namespace deltahop {

std::vector<LayerKind> describe_lstm() {
  return {{"LSTM", "long short-term memory over a sequence", make_recurrent<CellKind::lstm>}};
}

}  // namespace deltahop
