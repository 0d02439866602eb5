// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/one_step.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "deltahop/base/random.h"
#include "deltahop/network/recurrent_cell.h"
#include "deltahop/network/strided_copy.h"
#include "deltahop/run/value_store.h"

namespace deltahop {
namespace {

constexpr int64_t kTrialSteps = 3;

// Places of the inputs' shapes that stand for one size: an open dimension of that name, or a single place.
struct Dimension {
  std::vector<std::pair<size_t, size_t>> places;  // input, axis
};

using Shapes = std::vector<Shape>;

Shapes with(Shapes shapes, const Dimension& dimension, int64_t size) {
  for (const auto& [input, axis] : dimension.places) shapes[input][axis] = size;
  return shapes;
}

std::vector<Dimension> open_dimensions(const Network& network) {
  std::map<std::string, Dimension> named;
  std::vector<Dimension> all;
  for (size_t i = 0; i < network.inputs().size(); ++i) {
    const NetworkInput& input = network.inputs()[i];
    for (size_t axis = 0; axis < input.declared.size(); ++axis) {
      if (input.declared[axis] != kSymbolic) continue;
      const std::string name = axis < input.dimension_names.size() ? input.dimension_names[axis] : "";
      if (name.empty())
        all.push_back({{{i, axis}}});
      else
        named[name].places.emplace_back(i, axis);
    }
  }
  for (auto& [name, dimension] : named) all.push_back(std::move(dimension));
  return all;
}

std::optional<Network> tried(const Network& network, const Shapes& shapes) {
  try {
    return with_input_shapes(network, shapes);
  } catch (const Error&) {
    return std::nullopt;
  }
}

bool is_batch_first(const Node& node) { return node.layer->attributes().integer("layout", 0) == 1; }

// The sizes of the time (or the batch) of all recurrent layers; empty where a shape is not known.
std::vector<int64_t> recurrent_sizes(const Network& network, bool of_time) {
  std::vector<int64_t> sizes;
  for (const Node& node : network.nodes()) {
    if (!cell_kind_of(*node.layer)) continue;
    const auto& shape = network.value(node.inputs.at(0)).shape;
    if (!shape || shape->size() != 3) return {};
    sizes.push_back((*shape)[is_batch_first(node) == of_time ? 1 : 0]);
  }
  return sizes;
}

bool any_is(const std::vector<int64_t>& sizes, int64_t size) {
  return std::find(sizes.begin(), sizes.end(), size) != sizes.end();
}

// What the dimensions of the inputs mean.
struct Meaning {
  Shapes shapes;  // of one step of one stream
  std::vector<Dimension> times;
  std::vector<Dimension> batches;
};

// A file may give the length of the sequence as a number: a place of an input that carries it.
void find_fixed_time(const Network& network, Meaning& meaning) {
  const auto base = tried(network, meaning.shapes);
  if (!base) return;
  const std::vector<int64_t> lengths = recurrent_sizes(*base, true);
  for (const int64_t length : std::set<int64_t>(lengths.begin(), lengths.end())) {
    if (length <= 1) continue;
    for (size_t i = 0; i < meaning.shapes.size(); ++i) {
      for (size_t axis = 0; axis < meaning.shapes[i].size(); ++axis) {
        if (meaning.shapes[i][axis] != length) continue;
        const Dimension here{{{i, axis}}};
        const auto shorter = tried(network, with(meaning.shapes, here, 1));
        if (!shorter || !any_is(recurrent_sizes(*shorter, true), 1)) continue;
        meaning.shapes = with(std::move(meaning.shapes), here, 1);
        meaning.times.push_back(here);
        return find_fixed_time(network, meaning);
      }
    }
    throw Error(network.name(),
                fmt::format("its sequence length {} cannot be taken one step at a time", length),
                "export it with an open sequence length");
  }
}

Meaning meaning_of(const Network& network) {
  Meaning meaning;
  for (const NetworkInput& input : network.inputs()) {
    Shape shape = input.declared;
    std::replace(shape.begin(), shape.end(), kSymbolic, int64_t{1});
    meaning.shapes.push_back(std::move(shape));
  }
  const bool has_recurrence =
      std::any_of(network.nodes().begin(), network.nodes().end(),
                  [](const Node& node) { return cell_kind_of(*node.layer).has_value(); });
  for (const Dimension& dimension : open_dimensions(network)) {
    if (!has_recurrence) {  // without state, all that stays open is how many samples there are
      if (dimension.places[0].second == 0) meaning.batches.push_back(dimension);
      continue;
    }
    const auto longer = tried(network, with(meaning.shapes, dimension, kTrialSteps));
    if (!longer) continue;
    if (any_is(recurrent_sizes(*longer, true), kTrialSteps)) meaning.times.push_back(dimension);
    if (any_is(recurrent_sizes(*longer, false), kTrialSteps)) meaning.batches.push_back(dimension);
  }
  find_fixed_time(network, meaning);
  return meaning;
}

Tensor random_tensor(DataType type, const Shape& shape, Random& random) {
  Tensor tensor(DataType::float32, shape);
  for (float& value : tensor.values<float>()) value = static_cast<float>(random.uniform(0.1, 1.0));
  if (is_floating(type)) return tensor.converted(type);
  for (float& value : tensor.values<float>()) value = value < 0.5F ? 0.0F : 1.0F;
  return tensor.converted(type);
}

// The axis along which `all` is kTrialSteps times `one`; absent where the shapes are equal. Throws Error
// where they differ otherwise.
std::optional<size_t> time_axis(const Value& one, const Value& all) {
  if (!one.shape || !all.shape || one.shape->size() != all.shape->size())
    throw Error("", "a shape that is not known");
  std::optional<size_t> found;
  for (size_t axis = 0; axis < one.shape->size(); ++axis) {
    if ((*one.shape)[axis] == (*all.shape)[axis]) continue;
    if (found || (*one.shape)[axis] * kTrialSteps != (*all.shape)[axis])
      throw Error("", "its values do not keep time steps apart");
    found = axis;
  }
  return found;
}

Tensor step_of(const Tensor& all, std::optional<size_t> axis, int64_t step) {
  if (!axis) return all;
  Shape shape = all.shape();
  shape[*axis] /= kTrialSteps;
  const std::vector<int64_t> strides = strides_of(all.shape());
  return gather_strided(all, step * shape[*axis] * strides[*axis], shape, strides);
}

bool are_close(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return false;
  const Tensor wide_a = a.converted(DataType::float64), wide_b = b.converted(DataType::float64);
  const auto x = wide_a.values<double>(), y = wide_b.values<double>();
  for (size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(x[i]) && std::isnan(y[i])) continue;
    if (!(std::fabs(x[i] - y[i]) <= 1e-4 * (1 + std::fabs(x[i])))) return false;
  }
  return true;
}

// A node in the network of one step and in that of three.
struct Trial {
  const Network& one;
  const Network& all;
  const Node& node;
  const Node& long_node;

  bool depends_on_time(const std::vector<ValueId>& of_one, const std::vector<ValueId>& of_all) const {
    for (size_t i = 0; i < of_one.size(); ++i) {
      if (of_one[i] == kNoValue || one.value(of_one[i]).constant != nullptr) continue;
      if (time_axis(one.value(of_one[i]), all.value(of_all[i]))) return true;
    }
    return false;
  }
};

std::vector<Tensor> forward(const Layer& layer, const std::vector<std::optional<Tensor>>& inputs) {
  std::vector<const Tensor*> pointers;
  for (const auto& input : inputs) pointers.push_back(input ? &*input : nullptr);
  return layer.forward(pointers, {});
}

// Throws Error where the outputs at one time are not what the layer makes of that time alone.
void check_keeps_steps_apart(const Trial& trial, Random& random) {
  const size_t count = trial.node.inputs.size();
  std::vector<std::optional<Tensor>> all(count);
  std::vector<std::vector<std::optional<Tensor>>> single(static_cast<size_t>(kTrialSteps),
                                                         std::vector<std::optional<Tensor>>(count));
  for (size_t i = 0; i < count; ++i) {
    if (trial.node.inputs[i] == kNoValue) continue;
    const Value &one = trial.one.value(trial.node.inputs[i]),
                &longer = trial.all.value(trial.long_node.inputs[i]);
    if (one.constant != nullptr && longer.constant != nullptr) {
      all[i] = *longer.constant;
      for (auto& inputs : single) inputs[i] = *one.constant;
      continue;
    }
    const auto axis = time_axis(one, longer);
    all[i] = random_tensor(longer.type, *longer.shape, random);
    for (int64_t t = 0; t < kTrialSteps; ++t) single[static_cast<size_t>(t)][i] = step_of(*all[i], axis, t);
  }
  const std::vector<Tensor> together = forward(*trial.long_node.layer, all);
  for (int64_t t = 0; t < kTrialSteps; ++t) {
    const std::vector<Tensor> alone = forward(*trial.node.layer, single[static_cast<size_t>(t)]);
    for (size_t i = 0; i < trial.node.outputs.size(); ++i) {
      if (trial.node.outputs[i] == kNoValue) continue;
      const auto axis =
          time_axis(trial.one.value(trial.node.outputs[i]), trial.all.value(trial.long_node.outputs[i]));
      // What does not grow with time may be taken from the last step: it is the answer so far.
      if (!axis && t + 1 < kTrialSteps) continue;
      if (!are_close(step_of(together[i], axis, t), alone[i]))
        throw Error("", "its output at one time step depends on other steps");
    }
  }
}

void check_recurrent(const Node& node) {
  const Attributes attributes = node.layer->attributes();
  const std::string direction = attributes.text("direction", "forward");
  if (direction != "forward") {
    throw Error(place_of(node),
                fmt::format("a stream cannot go through a {} layer: it starts at the end of the sequence",
                            direction == "reverse" ? "reversed" : direction),
                "run whole sequences, or train a network of forward layers");
  }
  if (node.inputs.size() > 4 && node.inputs[4] != kNoValue)
    throw Error(place_of(node), "a stream has no sequence lengths", "leave the input sequence_lens out");
}

void check_nodes(const Network& one, const Network& all) {
  Random random(1);
  DELTAHOP_CHECK(one.nodes().size() == all.nodes().size());
  for (size_t n = 0; n < one.nodes().size(); ++n) {
    const Trial trial{one, all, one.nodes()[n], all.nodes()[n]};
    if (one.is_constant(trial.node) || cell_kind_of(*trial.node.layer)) continue;
    try {
      if (trial.depends_on_time(trial.node.inputs, trial.long_node.inputs))
        check_keeps_steps_apart(trial, random);
    } catch (const Error& error) {
      throw Error(place_of(trial.node),
                  fmt::format("a stream cannot go through it step by step: {}", error.what()),
                  "run whole sequences");
    }
  }
}

}  // namespace

Network with_input_shapes(const Network& network, const std::vector<Shape>& shapes) {
  NetworkBuilder builder(network.name());
  std::vector<ValueId> ids(network.values().size(), kNoValue);
  std::vector<bool> is_made(network.values().size(), false);
  for (const Node& node : network.nodes()) {
    for (const ValueId id : node.outputs)
      if (id != kNoValue) is_made[static_cast<size_t>(id)] = true;
  }
  for (size_t i = 0; i < network.inputs().size(); ++i) {
    const Value& value = network.value(network.inputs()[i].value);
    ids[static_cast<size_t>(network.inputs()[i].value)] = builder.input(value.name, value.type, shapes.at(i));
  }
  for (size_t id = 0; id < ids.size(); ++id) {
    const Value& value = network.values()[id];
    if (ids[id] != kNoValue) continue;
    if (value.constant != nullptr && !is_made[id])
      ids[id] = builder.constant(value.name, value.constant);
    else
      ids[id] = builder.declare(value.name);
  }
  const auto mapped = [&](std::vector<ValueId> values) {
    for (ValueId& id : values)
      if (id != kNoValue) id = ids[static_cast<size_t>(id)];
    return values;
  };
  for (const Node& node : network.nodes())
    builder.layer_into(node.layer, node.name, mapped(node.inputs), mapped(node.outputs));
  for (const ValueId id : network.outputs()) builder.output(ids[static_cast<size_t>(id)]);
  for (const auto& [key, text] : network.metadata()) builder.metadata(key, text);
  return builder.build();
}

OneStep one_step_of(const Network& network, int64_t streams) {
  for (const Node& node : network.nodes()) {
    if (cell_kind_of(*node.layer)) check_recurrent(node);
  }
  Meaning meaning = meaning_of(network);
  for (const Dimension& batch : meaning.batches)
    meaning.shapes = with(std::move(meaning.shapes), batch, streams);
  if (streams != 1 && meaning.batches.empty())
    throw Error(network.name(), fmt::format("cannot take {} streams: it declares no open batch", streams));
  OneStep result{with_input_shapes(network, meaning.shapes), !meaning.times.empty()};
  if (result.is_sequence) {
    Shapes longer = meaning.shapes;
    for (const Dimension& time : meaning.times) longer = with(std::move(longer), time, kTrialSteps);
    check_nodes(result.network, with_input_shapes(network, longer));
  }
  return result;
}

}  // namespace deltahop
