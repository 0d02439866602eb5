// SPDX-License-Identifier: Apache-2.0
// Small networks with branches, weights and number formats drawn at random, for laws that must hold for any
// network.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "deltahop/base/random.h"
#include "deltahop/network/integer_model.h"
#include "deltahop/network/integer_rule.h"
#include "deltahop/network/network.h"

namespace deltahop {

inline Tensor random_tensor(Random& random, Shape shape, double size) {
  Tensor tensor(DataType::float32, std::move(shape));
  for (float& value : tensor.values<float>()) value = static_cast<float>(size * random.normal());
  return tensor;
}

class RandomNetwork {
 public:
  RandomNetwork(Random& random, bool with_host_layers)
      : random_(random), with_host_layers_(with_host_layers) {}

  Network build() {
    const int64_t channels = random_.integer(1, 4), rows = random_.integer(5, 9),
                  columns = random_.integer(5, 9);
    maps_ = {
        {builder_.input("x", DataType::float32, {1, channels, rows, columns}), {1, channels, rows, columns}}};
    const int64_t length = random_.integer(3, 8);
    for (int64_t i = 0; i < length; ++i) add_layer("n" + std::to_string(i));
    finish();
    return builder_.build();
  }

 private:
  struct Map {
    ValueId id;
    Shape shape;
  };
  using Integers = std::vector<int64_t>;

  Map& any() {
    return maps_[static_cast<size_t>(
        random_.integer(std::max<int64_t>(0, static_cast<int64_t>(maps_.size()) - 3),
                        static_cast<int64_t>(maps_.size()) - 1))];
  }
  void push(ValueId id, Shape shape) { maps_.push_back({id, std::move(shape)}); }

  void add_layer(const std::string& name) {
    switch (random_.integer(0, 7)) {
      case 0:
      case 1:
      case 2:
        return add_convolution(name);
      case 3:
        return add_pool(name, any());
      case 4:
        return add_join(name, "Add");
      case 5:
        return add_join(name, "Concat");
      case 6: {
        const Map from = any();
        return push(builder_.node("Relu", name, {from.id})[0], from.shape);
      }
      default: {
        const Map from = any();
        return push(builder_.node(with_host_layers_ ? "Sigmoid" : "Relu", name, {from.id})[0], from.shape);
      }
    }
  }

  void add_convolution(const std::string& name) {
    const Map from = any();
    const bool depthwise = random_.chance(0.2);
    const int64_t in = from.shape[1], groups = depthwise ? in : 1;
    const int64_t out = depthwise ? in : random_.integer(1, 5);
    const int64_t kernel = std::min<int64_t>(random_.integer(1, 3), std::min(from.shape[2], from.shape[3]));
    const int64_t stride = random_.integer(1, 2), pad = random_.integer(0, kernel - 1);
    std::vector<ValueId> inputs = {
        from.id,
        builder_.constant(name + "/w", random_tensor(random_, {out, in / groups, kernel, kernel}, 0.4))};
    if (random_.chance(0.7))
      inputs.push_back(builder_.constant(name + "/b", random_tensor(random_, {out}, 0.5)));
    const ValueId id = builder_.node("Conv", name, std::move(inputs),
                                     {{"strides", Integers{stride, stride}},
                                      {"pads", Integers{pad, pad, pad, pad}},
                                      {"group", groups}})[0];
    push(id, {1, out, (from.shape[2] + 2 * pad - kernel) / stride + 1,
              (from.shape[3] + 2 * pad - kernel) / stride + 1});
    // What follows at once may be fused: each order that is, and some that are not.
    if (random_.chance(0.3)) add_pool(name + "/early_pool", maps_.back());
    if (random_.chance(0.6))
      push(builder_.node("Relu", name + "/relu", {maps_.back().id})[0], maps_.back().shape);
    if (random_.chance(0.4)) add_pool(name + "/pool", maps_.back());
  }

  void add_pool(const std::string& name, const Map given) {
    const int64_t size = std::min<int64_t>(random_.integer(2, 3), std::min(given.shape[2], given.shape[3]));
    const int64_t stride = random_.integer(1, 2);
    const bool is_max = random_.chance(0.6);
    const int64_t pad = is_max && size > 1 ? random_.integer(0, 1) : 0;
    const ValueId id = builder_.node(is_max ? "MaxPool" : "AveragePool", name, {given.id},
                                     {{"kernel_shape", Integers{size, size}},
                                      {"strides", Integers{stride, stride}},
                                      {"pads", Integers{pad, pad, pad, pad}}})[0];
    push(id, {1, given.shape[1], (given.shape[2] + 2 * pad - size) / stride + 1,
              (given.shape[3] + 2 * pad - size) / stride + 1});
  }

  void add_join(const std::string& name, const std::string& operator_name) {
    const Map first = any();
    for (const Map& second : std::vector<Map>(maps_)) {
      const bool fits = first.shape[2] == second.shape[2] && first.shape[3] == second.shape[3] &&
                        first.shape[1] + second.shape[1] < 20 &&
                        (operator_name == "Concat" || first.shape[1] == second.shape[1]);
      if (!fits) continue;
      Attributes attributes;
      if (operator_name == "Concat") attributes.set("axis", int64_t{1});
      const ValueId id = builder_.node(operator_name, name, {first.id, second.id}, attributes)[0];
      return push(id, {1, operator_name == "Concat" ? first.shape[1] + second.shape[1] : first.shape[1],
                       first.shape[2], first.shape[3]});
    }
  }

  void finish() {
    const Map last = maps_.back();
    ValueId id = last.id;
    int64_t features = last.shape[1] * last.shape[2] * last.shape[3];
    if (random_.chance(0.3)) {
      id = builder_.node("GlobalAveragePool", "mean", {id})[0];
      features = last.shape[1];
    }
    id = builder_.node("Flatten", "flat", {id})[0];
    const bool transposed = random_.chance(0.5);
    const int64_t classes = random_.integer(1, 6);
    const ValueId weights = builder_.constant(
        "fc/w",
        random_tensor(random_, transposed ? Shape{classes, features} : Shape{features, classes}, 0.3));
    const ValueId bias = builder_.constant("fc/b", random_tensor(random_, {classes}, 0.5));
    id = builder_.node("Gemm", "fc", {id, weights, bias}, {{"transB", int64_t{transposed}}})[0];
    if (random_.chance(0.5)) id = builder_.node("Relu", "fc/relu", {id})[0];
    builder_.output(id);
    if (random_.chance(0.5)) builder_.output(any().id);
  }

  Random& random_;
  bool with_host_layers_;
  NetworkBuilder builder_{"random"};
  std::vector<Map> maps_;
};

// Formats of any width and place: many results will saturate, which is the point.
inline IntegerModel random_model(Random& random, Network network) {
  IntegerModel model{std::move(network), {}, {}, {}};
  model.arithmetic.rounding = static_cast<Rounding>(random.integer(0, 4));
  model.arithmetic.overflow = random.chance(0.7) ? Overflow::saturate : Overflow::wrap;
  for (const ValueId id : values_with_formats(model.network)) {
    const int bits = static_cast<int>(random.integer(2, 16));
    model.formats[id] = {bits, bits - static_cast<int>(random.integer(-1, 5)), true};
  }
  for (const auto& group : values_of_one_format(model.network)) {
    for (const ValueId id : group) model.formats[id] = model.formats[group[0]];
  }
  model.host_reasons = host_reasons_of(model.network);
  return model;
}

}  // namespace deltahop
