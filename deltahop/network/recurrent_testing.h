// SPDX-License-Identifier: Apache-2.0
// For tests: a recurrent layer with random attributes and weights, and its inputs.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "deltahop/network/layer_testing.h"
#include "deltahop/network/recurrent_cell.h"

namespace deltahop {

// Inputs in the operator's order; absent ones are empty tensors of shape {0}.
struct RecurrentCase {
  CellKind kind = CellKind::gru;
  Attributes attributes;
  std::vector<Tensor> inputs;
  int64_t steps = 0, batch = 0, features = 0, hidden = 0, directions = 1;

  std::vector<const Tensor*> operands() const {
    std::vector<const Tensor*> result;
    for (const Tensor& tensor : inputs) result.push_back(tensor.shape() == Shape{0} ? nullptr : &tensor);
    return result;
  }
  std::vector<Tensor> run() const { return run_layer(std::string(name_of(kind)), attributes, operands()); }
  // One node of a network with constant weights.
  Network network() const {
    NetworkBuilder builder("recurrent");
    std::vector<ValueId> ids;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].shape() == Shape{0})
        ids.push_back(kNoValue);
      else if (i == 0)
        ids.push_back(builder.input("x", inputs[i].type(), inputs[i].shape()));
      else
        ids.push_back(builder.constant("input_" + std::to_string(i), inputs[i]));
    }
    builder.output(builder.node(std::string(name_of(kind)), "cell", ids, attributes)[0]);
    return builder.build();
  }
};

inline Tensor random_doubles(Random& random, Shape shape, double scale) {
  Tensor tensor(DataType::float64, std::move(shape));
  // The same value in float: cells keep float weights.
  for (double& value : tensor.values<double>()) value = static_cast<float>(random.normal() * scale);
  return tensor;
}

// One of the kinds with any attributes but direction and layout, in double.
inline RecurrentCase random_recurrent_case(Random& random) {
  RecurrentCase made;
  made.kind = static_cast<CellKind>(random.integer(0, 2));
  made.steps = random.integer(1, 12);
  made.batch = random.integer(1, 3);
  made.features = random.integer(1, 6);
  made.hidden = random.integer(1, 9);
  const int64_t rows = gates_of(made.kind) * made.hidden;
  const auto maybe = [&](Shape shape) {
    return random.chance(0.7) ? random_doubles(random, std::move(shape), 0.4)
                              : Tensor(DataType::float64, {0});
  };
  made.inputs = {random_doubles(random, {made.steps, made.batch, made.features}, 1.0),
                 random_doubles(random, {1, rows, made.features}, 0.5),
                 random_doubles(random, {1, rows, made.hidden}, 0.5),
                 maybe({1, 2 * rows}),
                 Tensor(DataType::int32, {0}),
                 maybe({1, made.batch, made.hidden})};
  if (made.kind == CellKind::lstm) {
    made.inputs.push_back(maybe({1, made.batch, made.hidden}));
    made.inputs.push_back(maybe({1, 3 * made.hidden}));
  }
  if (random.chance(0.5)) made.attributes.set("hidden_size", made.hidden);
  if (random.chance(0.3)) made.attributes.set("clip", static_cast<float>(random.uniform(0.3, 2.0)));
  if (made.kind == CellKind::gru) made.attributes.set("linear_before_reset", random.integer(0, 1));
  if (made.kind == CellKind::lstm) made.attributes.set("input_forget", random.integer(0, 1));
  if (random.chance(0.5)) {
    // Bounded ones, so that no case runs away.
    constexpr const char* kNames[] = {"Sigmoid", "Tanh", "HardSigmoid", "Softsign", "ScaledTanh"};
    std::vector<std::string> names;
    for (size_t i = 0; i < default_activations(made.kind).size(); ++i)
      names.emplace_back(kNames[random.integer(0, 4)]);
    made.attributes.set("activations", names);
  }
  return made;
}

}  // namespace deltahop
