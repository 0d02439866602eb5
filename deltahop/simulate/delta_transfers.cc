// SPDX-License-Identifier: Apache-2.0
#include "deltahop/simulate/delta_transfers.h"

#include <algorithm>
#include <utility>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

// One layer's place in memory and the values that were last sent.
class Layer {
 public:
  Layer(const RecurrentTrace& trace, uint64_t address)
      : trace_(trace),
        address_(address),
        column_bytes_((trace.layer->rows() * trace.layer->formats.weight.total_bits + 7) / 8),
        x_reference_(static_cast<size_t>(trace.layer->inputs)),
        h_reference_(static_cast<size_t>(trace.layer->hidden)) {}

  uint64_t end() const { return column_address(trace_.layer->inputs + trace_.layer->hidden); }

  void step(int64_t t, std::vector<DramTransfer>& transfers) {
    const IntegerDeltaGruLayer& layer = *trace_.layer;
    if (t == 0) transfers.push_back({address_, column_bytes_});
    const auto send = [&](const Tensor& values, int64_t row, std::vector<int16_t>& reference, int32_t theta,
                          int64_t first_column) {
      const auto count = static_cast<int64_t>(reference.size());
      const auto codes = values.values<int16_t>().subspan(static_cast<size_t>(row * count));
      for (size_t k = 0; k < reference.size(); ++k) {
        if (sent_delta(codes[k], reference[k], theta, layer.formats.activation) != 0)
          transfers.push_back({column_address(first_column + static_cast<int64_t>(k)), column_bytes_});
      }
    };
    send(trace_.inputs, t, x_reference_, layer.theta_x, 0);
    if (t > 0) send(trace_.outputs, t - 1, h_reference_, layer.theta_h, layer.inputs);
  }

 private:
  // Behind the bias.
  uint64_t column_address(int64_t column) const {
    return address_ + static_cast<uint64_t>((1 + column) * column_bytes_);
  }

  const RecurrentTrace& trace_;
  uint64_t address_ = 0;
  int64_t column_bytes_ = 0;
  std::vector<int16_t> x_reference_, h_reference_;
};

}  // namespace

std::vector<DramTransfer> delta_transfers(std::span<const RecurrentTrace* const> traces) {
  DELTAHOP_CHECK(!traces.empty());
  std::vector<Layer> layers;
  for (const RecurrentTrace* trace : traces)
    layers.emplace_back(*trace, layers.empty() ? 0 : layers.back().end());
  std::vector<DramTransfer> transfers;
  for (int64_t t = 0; t < traces.front()->steps(); ++t) {
    for (Layer& layer : layers) layer.step(t, transfers);
  }
  return transfers;
}

}  // namespace deltahop
