// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/sparse_run.h"

#include <algorithm>

#include <fmt/format.h>

#include "deltahop/compress/common_formats.h"

namespace deltahop {
namespace {

// Without any word on formats, 8 bits: what the kernels are made for.
FormatOptions eight_bits(FormatOptions format, bool brings_formats) {
  if (!format.formats.empty() || format.asks_for_calibration() || brings_formats) {
    if (!format.activation_bits && format.asks_for_calibration()) format.activation_bits = 8;
    if (!format.weight_bits && format.asks_for_calibration()) format.weight_bits = 8;
    return format;
  }
  format.activation_bits = format.weight_bits = 8;
  return format;
}

}  // namespace

void add_last_run(std::vector<LayerSum>& sums, const SparseNetwork& engine, bool timed) {
  const std::vector<SparseLayer>& layers = engine.layers();
  sums.resize(layers.size());
  for (size_t i = 0; i < layers.size(); ++i) {
    LayerSum& sum = sums[i];
    sum.layer = layers[i];
    if (timed) {
      ++sum.timed_runs;
      sum.seconds += layers[i].seconds;
      continue;
    }
    ++sum.runs;
    sum.sparse_runs += layers[i].path == ConvolutionPath::sparse ? 1 : 0;
    sum.zero_share += layers[i].offset_input ? 0 : layers[i].zero_share();
    sum.left_out += layers[i].left_out;
    sum.executed_macs += layers[i].executed_macs;
    sum.input_bytes += layers[i].input_bytes;
    sum.output_bytes += layers[i].output_bytes;
  }
}

int64_t executed_macs(const std::vector<LayerSum>& sums) {
  int64_t macs = 0;
  for (const LayerSum& sum : sums) macs += sum.executed_macs;
  return macs;
}

double mean_zeros(const std::vector<LayerSum>& sums) {
  double zeros = 0, all = 0;
  for (const LayerSum& sum : sums) {
    const auto inputs = static_cast<double>(sum.layer.inputs);
    zeros += inputs * sum.mean_zero_share();
    all += inputs;
  }
  return all == 0 ? 0 : zeros / all;
}

int64_t dense_macs_of(const Network& network) {
  int64_t macs = 0;
  for (const Stage& stage : find_stages(network))
    macs += stage.workload ? stage.workload->workload.macs() : 0;
  return macs;
}

double executed_macs_per_input(const std::vector<LayerSum>& sums, int64_t dense_macs, int64_t inputs) {
  double in_layers = 0;
  for (const LayerSum& sum : sums) in_layers += static_cast<double>(sum.layer.dense_macs);
  const double rest = std::max(0.0, static_cast<double>(dense_macs) - in_layers);
  return static_cast<double>(executed_macs(sums)) / static_cast<double>(inputs) + rest;
}

IntegerModel eight_bit_model(const FormatOptions& format, const InputOptions& input, const Network& network,
                             const Inputs& inputs, int threads, Console& console,
                             std::vector<std::string>& notes) {
  const bool brings_formats = network.metadata().count(std::string(kFormatsKey)) > 0;
  IntegerModel model = integer_model_for(eight_bits(format, brings_formats), input, network, inputs, nullptr,
                                         threads, console, notes);
  if (!format.formats.empty() || brings_formats) return model;
  notes.emplace_back("branches that are joined share a format, so that joining them rounds nothing");
  return with_common_formats(std::move(model));
}

void require_engine_layers(const SparseNetwork& engine, const Network& network, const char* command) {
  if (engine.layers().empty())
    throw Error(network.name(), "has no convolution or product for the int8 engine",
                fmt::format("it takes formats of at most 8 bits; see 'deltahop {} --help'", command));
}

int64_t best_class(const Tensor& scores) {
  const auto values = scores.values<float>();
  return std::max_element(values.begin(), values.end()) - values.begin();
}

}  // namespace deltahop
