// SPDX-License-Identifier: Apache-2.0
// Small recurrent networks and slow frames, for the tests of sessions.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "deltahop/base/error.h"
#include "deltahop/base/random.h"
#include "deltahop/run/session.h"

namespace deltahop {

inline Tensor random_tensor(const Shape& shape, Random& random, double spread = 0.4) {
  Tensor tensor(DataType::float32, shape);
  for (float& value : tensor.values<float>()) value = static_cast<float>(random.uniform(-spread, spread));
  return tensor;
}

// A recurrent layer in a network that is being built.
struct Recurrent {
  std::string kind, name;
  int64_t inputs, hidden;
  Attributes attributes = {};
  std::vector<ValueId> states = {};  // initial_h, initial_c

  std::vector<ValueId> add(NetworkBuilder& builder, ValueId x, Random& random, int outputs = 1) const {
    const int64_t rows = (kind == "LSTM" ? 4 : kind == "GRU" ? 3 : 1) * hidden;
    std::vector<ValueId> operands = {x,
                                     builder.constant(name + ".w", random_tensor({1, rows, inputs}, random)),
                                     builder.constant(name + ".r", random_tensor({1, rows, hidden}, random)),
                                     builder.constant(name + ".b", random_tensor({1, 2 * rows}, random))};
    if (!states.empty()) operands.push_back(kNoValue);
    operands.insert(operands.end(), states.begin(), states.end());
    Attributes all = attributes;
    all.set("hidden_size", hidden);
    return builder.node(kind, name, operands, all, outputs);
  }
};

inline constexpr int64_t kFeatures = 6, kHidden = 9, kClasses = 4, kSteps = 20;

// [T, N, features] -> recurrent layer -> squeezed -> MatMul, Add, Softmax: one row of scores a time step.
inline Network sequence_network(const std::string& kind, Shape shape = {kSymbolic, kSymbolic, kFeatures}) {
  Random random(3);
  NetworkBuilder builder("sequence");
  const ValueId x = builder.input("x", DataType::float32, std::move(shape), {"time", "batch", ""});
  const ValueId y = Recurrent{kind, "rnn1", kFeatures, kHidden}.add(builder, x, random)[0];
  const ValueId axes = builder.constant("axes", Tensor::of<int64_t>({1}, {1}));
  const ValueId flat = builder.node("Squeeze", "squeeze", {y, axes})[0];
  const ValueId w = builder.constant("fc.w", random_tensor({kHidden, kClasses}, random));
  const ValueId b = builder.constant("fc.b", random_tensor({kClasses}, random));
  const ValueId product = builder.node("MatMul", "fc", {flat, w})[0];
  const ValueId sum = builder.node("Add", "fc.add", {product, b})[0];
  builder.output(builder.node("Softmax", "scores", {sum}, {{"axis", int64_t{-1}}})[0]);
  return builder.build();
}

// Frames that change slowly, [steps, features].
inline Tensor slow_frames(int64_t steps, uint64_t seed) {
  Random random(seed);
  Tensor frames(DataType::float32, {steps, kFeatures});
  const auto values = frames.values<float>();
  for (size_t i = 0; i < values.size(); ++i) {
    const float before = i < kFeatures ? 0.0F : values[i - kFeatures];
    values[i] = 0.95F * before + static_cast<float>(random.normal() * (random.chance(0.2) ? 0.5 : 0.03));
  }
  return frames;
}

inline std::span<const float> frame_of(const Tensor& frames, int64_t step) {
  return frames.values<float>().subspan(static_cast<size_t>(step * kFeatures), kFeatures);
}

inline std::vector<float> outputs_of(Session& session, const Tensor& frames) {
  std::vector<float> all;
  for (int64_t t = 0; t < frames.dim(0); ++t) {
    session.step(frame_of(frames, t));
    all.insert(all.end(), session.output().begin(), session.output().end());
  }
  return all;
}

inline std::string refusal(const Network& network, const SessionOptions& options = {}) {
  try {
    const Session session(network, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

}  // namespace deltahop
