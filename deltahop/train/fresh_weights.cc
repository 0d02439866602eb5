// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/fresh_weights.h"

#include <algorithm>
#include <cmath>

#include "deltahop/base/random.h"

namespace deltahop {
namespace {

bool is_rectifier(std::string_view name) {
  return name == "Relu" || name == "LeakyRelu" || name == "PRelu" || name == "Clip" || name == "Elu";
}

// Whether a rectifier comes next, behind normalisation, sums and pooling.
bool rectified(const Network& network, const Node& node) {
  const Node* at = &node;
  for (int steps = 0; steps < 8; ++steps) {
    const Node* next = nullptr;
    for (const Node& reader : network.nodes()) {
      if (std::find(reader.inputs.begin(), reader.inputs.end(), at->outputs.at(0)) != reader.inputs.end()) {
        next = &reader;
        break;
      }
    }
    if (next == nullptr) return false;
    const std::string_view name = next->layer->operator_name();
    if (is_rectifier(name)) return true;
    if (name != "BatchNormalization" && name != "Add" && name != "MaxPool" && name != "AveragePool")
      return false;
    at = next;
  }
  return false;
}

torch::Tensor normal(const Shape& shape, double spread, Random& random) {
  torch::Tensor result = torch::empty(shape, torch::kFloat64);
  for (int64_t i = 0; i < result.numel(); ++i) result.data_ptr<double>()[i] = spread * random.normal();
  return result;
}

torch::Tensor uniform(const Shape& shape, double bound, Random& random) {
  torch::Tensor result = torch::empty(shape, torch::kFloat64);
  for (int64_t i = 0; i < result.numel(); ++i) result.data_ptr<double>()[i] = random.uniform(-bound, bound);
  return result;
}

// R [directions, gates * hidden, hidden]: every gate's square block orthogonal, signs such that it is spread
// evenly.
torch::Tensor orthogonal_blocks(const Shape& shape, Random& random) {
  torch::Tensor result = torch::empty(shape, torch::kFloat64);
  const int64_t hidden = shape.back();
  for (int64_t direction = 0; direction < shape[0]; ++direction) {
    for (int64_t row = 0; row < shape[1]; row += hidden) {
      const auto [q, r] = at::linalg_qr(normal({hidden, hidden}, 1.0, random));
      result[direction].narrow(0, row, hidden).copy_(q * r.diagonal().sign());
    }
  }
  return result;
}

struct Fans {
  double in = 1.0, out = 1.0;
};

Fans fans_of(std::string_view name, const Node& node, const Shape& shape) {
  const auto size = [&](size_t axis) { return static_cast<double>(shape[axis]); };
  if (name == "Conv") {
    double taps = 1.0;
    for (size_t axis = 2; axis < shape.size(); ++axis) taps *= size(axis);
    const double groups = static_cast<double>(node.layer->attributes().integer("group", 1));
    return {size(1) * taps, size(0) * taps / groups};
  }
  if (name == "Gemm" && node.layer->attributes().integer("transB", 0) != 0) return {size(1), size(0)};
  if (name == "GRU" || name == "LSTM" || name == "RNN")
    return {size(2), size(1) / (name == "GRU" ? 3.0 : name == "LSTM" ? 4.0 : 1.0)};
  return {size(shape.size() - 2), size(shape.size() - 1)};
}

}  // namespace

torch::Tensor fresh_weights(const Network& network, const Node& node, size_t input, ForwardHooks::Role role,
                            const Shape& shape, uint64_t seed) {
  using Role = ForwardHooks::Role;
  const std::string_view name = node.layer->operator_name();
  // By place, so that a layer more or less changes nobody else's numbers: FNV over the node's name.
  uint64_t hash = 14695981039346656037u ^ (seed * 0x9e3779b97f4a7c15u);
  for (const char c : node.name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  Random random(hash * 31 + input);
  if (role == Role::recurrent_weight) return orthogonal_blocks(shape, random);
  if (role == Role::bias) return torch::zeros(shape, torch::kFloat64);
  if (role == Role::normalisation) {
    const bool shift = input == 2 && (name == "BatchNormalization" || name == "LayerNormalization");
    return shift ? torch::zeros(shape, torch::kFloat64)
                 : torch::full(shape, name == "PRelu" ? 0.25 : 1.0, torch::kFloat64);
  }
  if (shape.size() < 2) return torch::zeros(shape, torch::kFloat64);
  const Fans fans = fans_of(name, node, shape);
  if (rectified(network, node)) return normal(shape, std::sqrt(2.0 / fans.in), random);
  return uniform(shape, std::sqrt(6.0 / (fans.in + fans.out)), random);
}

}  // namespace deltahop
