// SPDX-License-Identifier: Apache-2.0
// For tests of EdgeDRNN: its configuration, random layers and their traces.
#pragma once

#include <utility>
#include <vector>

#include "deltahop/accelerators/edge_drnn/edge_drnn.h"
#include "deltahop/accelerators/edge_drnn/memory_image.h"
#include "deltahop/base/random.h"

namespace deltahop::edge_drnn {

inline EdgeDrnnConfig config_with(const std::vector<std::string>& settings = {}) {
  return dynamic_cast<const EdgeDrnn&>(*make_accelerator("edge_drnn", settings)).config();
}

struct Sizes {
  int64_t inputs, units;
};

// Layers with random weights, and their traces on a random walk.
inline std::vector<RecurrentTrace> random_stack(const std::vector<Sizes>& sizes, int64_t steps, int32_t theta,
                                                uint64_t seed, const DeltaGruFormats& formats = {}) {
  Random random(seed);
  Tensor x(DataType::int16, {steps, sizes.front().inputs});
  const auto codes = x.values<int16_t>();
  for (size_t k = 0; k < codes.size(); ++k) {
    const auto width = static_cast<size_t>(sizes.front().inputs);
    codes[k] = static_cast<int16_t>((k < width ? 0 : codes[k - width]) + random.integer(-30, 30));
  }
  std::vector<RecurrentTrace> traces;
  for (const auto& [inputs, units] : sizes) {
    auto layer = std::make_shared<IntegerDeltaGruLayer>();
    layer->formats = formats;
    layer->inputs = inputs;
    layer->hidden = units;
    layer->theta_x = theta;
    layer->theta_h = theta;
    for (auto [values, columns] :
         {std::pair(&layer->bias, int64_t{1}), std::pair(&layer->input_columns, inputs),
          std::pair(&layer->recurrent_columns, units)}) {
      values->resize(static_cast<size_t>(columns * 3 * units));
      for (int16_t& value : *values) value = static_cast<int16_t>(random.integer(-127, 127));
    }
    traces.push_back(run_sequence(layer, traces.empty() ? x : traces.back().outputs));
  }
  return traces;
}

inline std::vector<const RecurrentTrace*> pointers(const std::vector<RecurrentTrace>& traces) {
  std::vector<const RecurrentTrace*> result;
  for (const RecurrentTrace& trace : traces) result.push_back(&trace);
  return result;
}

inline std::vector<LayerTrace> layer_traces(const std::vector<RecurrentTrace>& traces) {
  std::vector<LayerTrace> result;
  for (const RecurrentTrace& trace : traces) {
    result.emplace_back();
    result.back().recurrent = &trace;
  }
  return result;
}

inline Layers layers_of_traces(const std::vector<RecurrentTrace>& traces) {
  Layers layers;
  for (const RecurrentTrace& trace : traces) layers.push_back(trace.layer);
  return layers;
}

}  // namespace deltahop::edge_drnn
