// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/edge_drnn/stack.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop::edge_drnn {
namespace {

std::string refusal_of_layer(const EdgeDrnnConfig& chip, const IntegerDeltaGruLayer& layer) {
  if (!(layer.formats == chip.formats)) return "its number formats are not the chip's";
  for (const int64_t size : {layer.inputs, layer.hidden}) {
    if (size > chip.most_units)
      return fmt::format("{} inputs or units; the chip's memories hold {} a layer", size, chip.most_units);
  }
  const int64_t highest = (int64_t{1} << (chip.threshold_bits - 1)) - 1;
  for (const int32_t theta : {layer.theta_x, layer.theta_h}) {
    if (theta < 0 || theta > highest)
      return fmt::format("threshold {}/{}; the register of {} bits holds up to {}", theta,
                         1 << chip.formats.activation.fraction_bits, chip.threshold_bits, highest);
  }
  if (!layer.candidate_recurrent_bias.empty() && !chip.candidate_bias)
    return "a recurrent bias of the candidate (b_hc) that is not zero: the chip has no path for it; train "
           "with "
           "b_hc = 0, or grant the extension extensions.candidate_bias=true";
  return "";
}

// The largest sum of magnitudes of a row, biases included, in steps of the accumulator for |x|, |h| at most
// `bound` steps of the activation.
int64_t largest_possible_sum(const IntegerDeltaGruLayer& layer, int64_t x_bound, int64_t h_bound) {
  int64_t largest = 0;
  const int64_t one = int64_t{1} << layer.formats.activation.fraction_bits;
  for (int64_t row = 0; row < layer.rows(); ++row) {
    const auto at = static_cast<size_t>(row);
    int64_t sum = one * std::abs(int64_t{layer.bias[at]});
    for (int64_t i = 0; i < layer.inputs; ++i) sum += x_bound * std::abs(int64_t{layer.input_column(i)[at]});
    for (int64_t j = 0; j < layer.hidden; ++j)
      sum += h_bound * std::abs(int64_t{layer.recurrent_column(j)[at]});
    largest = std::max(largest, sum);
  }
  return largest;
}

}  // namespace

std::string refusal_of(const EdgeDrnnConfig& chip, LayerList layers) {
  if (layers.empty()) return "no recurrent layer";
  if (std::ssize(layers) > chip.most_layers)
    return fmt::format("{} layers; the chip runs up to {}", layers.size(), chip.most_layers);
  for (size_t k = 0; k < layers.size(); ++k) {
    const std::string where = layers.size() > 1 ? fmt::format("layer {}: ", k + 1) : "";
    if (const std::string reason = refusal_of_layer(chip, *layers[k]); !reason.empty()) return where + reason;
    if (layers[k]->theta_x != layers[0]->theta_x || layers[k]->theta_h != layers[0]->theta_h)
      return where +
             "other thresholds than the first layer; the chip has one register for all inputs and one for "
             "all hidden values";
    if (k > 0 && layers[k]->inputs != layers[k - 1]->hidden)
      return where + fmt::format("{} inputs behind {} units", layers[k]->inputs, layers[k - 1]->hidden);
  }
  return "";
}

void require_stack(const EdgeDrnnConfig& chip, LayerList layers) {
  const std::string reason = refusal_of(chip, layers);
  if (!reason.empty())
    throw Error(chip.architecture.name, fmt::format("cannot run this network: {}", reason));
}

std::vector<std::string> warnings_of(const EdgeDrnnConfig& chip, LayerList layers) {
  std::vector<std::string> warnings;
  const int64_t one = int64_t{1} << chip.formats.activation.fraction_bits;
  const int64_t range =
      int64_t{1} << (std::min(chip.formats.accumulator_bits,
                              chip.formats.activation.total_bits + chip.formats.weight.fraction_bits) -
                     1);
  for (size_t k = 0; k < layers.size(); ++k) {
    const IntegerDeltaGruLayer& layer = *layers[k];
    if (layer.hidden % chip.elements != 0 || (k == 0 && layer.inputs % chip.elements != 0))
      warnings.push_back(
          fmt::format("layer {}: {} inputs and {} units are padded with zeros to multiples of {}", k + 1,
                      layer.inputs, layer.hidden, chip.elements));
    // Outputs never leave [-1, 1]; inputs of the first layer may be anything, so 8 stands for "normalised".
    if (layer.input_columns.empty()) continue;
    const int64_t sum = largest_possible_sum(layer, k == 0 ? 8 * one : one, one);
    if (sum >= range)
      warnings.push_back(fmt::format(
          "layer {}: sums of up to {:.0f} are possible (inputs within {}) and wrap beyond {:.0f}: look at "
          "the "
          "range of a simulation",
          k + 1,
          std::ldexp(static_cast<double>(sum),
                     -chip.formats.activation.fraction_bits - chip.formats.weight.fraction_bits),
          k == 0 ? 8 : 1,
          std::ldexp(static_cast<double>(range),
                     -chip.formats.activation.fraction_bits - chip.formats.weight.fraction_bits)));
  }
  return warnings;
}

}  // namespace deltahop::edge_drnn
