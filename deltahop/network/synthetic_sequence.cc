// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/synthetic_sequence.h"

#include <utility>

#include "deltahop/base/random.h"

namespace deltahop {
namespace {

Tensor toggled(Random& random, Shape shape, double density, int16_t change) {
  Tensor codes(DataType::int16, std::move(shape));
  const auto values = codes.values<int16_t>();
  const auto width = static_cast<size_t>(codes.dim(1));
  for (size_t k = 0; k < values.size(); ++k) {
    const int before = k < width ? 0 : values[k - width];
    values[k] = static_cast<int16_t>(random.chance(density) ? change - before : before);
  }
  return codes;
}

}  // namespace

std::vector<RecurrentTrace> synthetic_sequence(
    const std::vector<std::shared_ptr<const IntegerDeltaGruLayer>>& layers, int64_t steps, double density,
    uint64_t seed, int16_t change) {
  Random random(seed);
  std::vector<RecurrentTrace> traces;
  Tensor inputs = toggled(random, {steps, layers.front()->inputs}, density, change);
  for (const auto& layer : layers) {
    RecurrentTrace trace;
    trace.layer = layer;
    trace.inputs = std::move(inputs);
    trace.outputs = toggled(random, {steps, layer->hidden}, density, change);
    inputs = trace.outputs;
    count_sent(trace);
    traces.push_back(std::move(trace));
  }
  return traces;
}

}  // namespace deltahop
