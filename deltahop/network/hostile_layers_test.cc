// SPDX-License-Identifier: Apache-2.0
// Every kind of layer, given attributes and inputs that no exporter would write: it computes or it throws
// Error, and what infer() promised is what forward() gives. Run with sanitizers, this is where wrapping index
// arithmetic shows.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "deltahop/network/index_testing.h"

namespace deltahop {
namespace {

constexpr int64_t kLargestForward = 100000;  // elements of an output that are worth computing here

int64_t hostile_integer(Random& random) {
  constexpr int64_t kExtremes[] = {std::numeric_limits<int64_t>::lowest(),
                                   std::numeric_limits<int64_t>::max(),
                                   int64_t{1} << 40,
                                   -(int64_t{1} << 40),
                                   int64_t{1} << 31,
                                   1000000007};
  return random.chance(0.15) ? kExtremes[random.integer(0, 5)] : random.integer(-3, 5);
}

Integers hostile_integers(Random& random) {
  Integers values(static_cast<size_t>(random.integer(0, 5)));
  for (int64_t& value : values) value = random.chance(0.5) ? random.integer(0, 3) : hostile_integer(random);
  return values;
}

Tensor hostile_tensor(Random& random) {
  if (random.chance(0.3)) return integers(hostile_integers(random));
  constexpr DataType kTypes[] = {DataType::float32, DataType::float32, DataType::float16, DataType::float64,
                                 DataType::int8,    DataType::uint8,   DataType::int16,   DataType::int32,
                                 DataType::int64,   DataType::boolean};
  Shape shape = random_shape(random, static_cast<size_t>(random.integer(0, 5)), 4);
  for (int64_t& dimension : shape) dimension = random.chance(0.1) ? 0 : dimension;
  Tensor tensor(DataType::float64, std::move(shape));
  for (double& value : tensor.values<double>())
    value = random.chance(0.05) ? std::ldexp(random.normal(), 80) : random.normal() * 3;
  return tensor.converted(kTypes[random.integer(0, 9)]);
}

Attributes hostile_attributes(Random& random) {
  constexpr const char* kIntegers[] = {
      "axis",      "keepdims",      "group",  "to",        "select_last_index", "noop_with_empty_axes",
      "allowzero", "start",         "end",    "ceil_mode", "num_outputs",       "broadcast",
      "size",      "storage_order", "transA", "transB",    "block_size",        "count_include_pad",
      "layout",    "hidden_size"};
  constexpr const char* kLists[] = {"axes",  "perm",   "pads", "strides", "dilations", "kernel_shape",
                                    "split", "starts", "ends", "shape",   "paddings"};
  Attributes attributes;
  while (random.chance(0.6)) {
    if (random.chance(0.5))
      attributes.set(kIntegers[random.integer(0, std::size(kIntegers) - 1)], hostile_integer(random));
    else
      attributes.set(kLists[random.integer(0, std::size(kLists) - 1)], hostile_integers(random));
  }
  return attributes;
}

// Only what this kind knows, so that most tries get past the names.
Attributes known_attributes(const LayerKind& kind, const Attributes& wished) {
  Attributes known;
  for (const auto& [name, value] : wished.entries()) {
    Attributes tried = known;
    tried.set(name, value);
    LayerArguments arguments;
    arguments.operator_name = kind.operator_name;
    arguments.attributes = tried;
    arguments.inputs.resize(1);
    try {
      make_layer(arguments, kind.domain);
      known = tried;
    } catch (const Error& error) {
      if (std::string_view(error.what()).find("is not supported") == std::string_view::npos) known = tried;
    }
  }
  return known;
}

bool is_small(const std::vector<ValueInfo>& infos) {
  for (const ValueInfo& info : infos) {
    if (!info.shape || element_count(*info.shape) > kLargestForward) return false;
  }
  return true;
}

// Returns true where the layer computed.
bool try_once(const LayerKind& kind, Random& random) {
  LayerArguments arguments;
  arguments.opset = static_cast<int>(random.integer(1, 22));
  arguments.operator_name = kind.operator_name;
  arguments.attributes = known_attributes(kind, hostile_attributes(random));
  std::vector<Tensor> tensors(static_cast<size_t>(random.integer(0, 4)));
  for (Tensor& tensor : tensors) tensor = hostile_tensor(random);
  if (tensors.size() > 1 && random.chance(0.5)) tensors[1] = tensors[0];
  for (const Tensor& tensor : tensors) {
    LayerArguments::Input input;
    input.present = random.chance(0.95);
    input.constant = input.present && random.chance(0.7) ? &tensor : nullptr;
    arguments.inputs.push_back(std::move(input));
  }
  arguments.output_count = static_cast<int>(random.integer(1, 3));
  const std::unique_ptr<Layer> layer = make_layer(arguments, kind.domain);
  std::vector<const Tensor*> inputs;
  std::vector<std::optional<ValueInfo>> infos;
  for (size_t i = 0; i < arguments.inputs.size(); ++i) {
    const auto& input = arguments.inputs[i];
    inputs.push_back(input.new_constant ? &*input.new_constant : input.present ? &tensors.at(i) : nullptr);
    infos.push_back(inputs[i] == nullptr
                        ? std::nullopt
                        : std::optional(ValueInfo{inputs[i]->type(), inputs[i]->shape(),
                                                  input.new_constant ? inputs[i] : input.constant}));
  }
  layer->attributes();
  const std::vector<ValueInfo> promised = layer->infer(infos);
  layer->workload(infos);
  const std::vector<ValueInfo> known = layer->infer(infos_of(inputs));
  if (!is_small(known)) return false;
  const std::vector<Tensor> outputs = layer->forward(inputs, {});
  DELTAHOP_CHECK(promised.size() >= outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    DELTAHOP_CHECK(promised[i].type == outputs[i].type() && known[i].shape == outputs[i].shape());
    DELTAHOP_CHECK(!promised[i].shape || *promised[i].shape == outputs[i].shape());
  }
  return true;
}

TEST(HostileLayers, EitherComputeWhatTheyPromiseOrThrowError) {
  Random random(2024);
  int computed = 0;
  for (const LayerKind& kind : layer_kinds()) {
    for (int round = 0; round < 300; ++round) {
      try {
        computed += try_once(kind, random) ? 1 : 0;
      } catch (const Error&) {
        // refused: that is the other good end
      } catch (const std::exception& fault) {
        ADD_FAILURE() << kind.operator_name << ", round " << round << ": " << fault.what();
      }
    }
  }
  EXPECT_GT(computed, 1000);  // the tries are not all nonsense
}

}  // namespace
}  // namespace deltahop
