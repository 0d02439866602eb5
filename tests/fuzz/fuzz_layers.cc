// SPDX-License-Identifier: Apache-2.0
// Any operator of the catalog with any attributes, inputs and opset: what a file reader would hand to the
// layers, without the file around it. Nothing but Error may come of it.
#include <fuzzer/FuzzedDataProvider.h>

#include <array>
#include <limits>
#include <map>
#include <string>

#include "deltahop/base/error.h"
#include "tests/fuzz/run_if_small.h"

namespace {

using namespace deltahop;

using Names = std::vector<const char*>;
struct Known {
  Names integers, lists, floats, texts;
};

const Names kWindow = {"kernel_shape", "strides", "pads", "dilations"};

// The attributes that an operator has; those of others are refused before anything interesting happens.
Known attributes_of(const std::string& name) {
  static const std::map<std::string, Known> kKnown = {
      {"ArgMax", {{"axis", "keepdims", "select_last_index"}, {}, {}, {}}},
      {"AveragePool", {{"ceil_mode", "count_include_pad"}, kWindow, {}, {"auto_pad"}}},
      {"BatchNormalization", {{"spatial", "training_mode", "is_test"}, {}, {"epsilon", "momentum"}, {}}},
      {"Cast", {{"to"}, {}, {}, {"to"}}},
      {"Clip", {{}, {}, {"min", "max"}, {}}},
      {"Conv", {{"group"}, kWindow, {}, {"auto_pad"}}},
      {"ConvInteger", {{"group"}, kWindow, {}, {"auto_pad"}}},
      {"QLinearConv", {{"group"}, kWindow, {}, {"auto_pad"}}},
      {"MaxPool", {{"ceil_mode", "storage_order"}, kWindow, {}, {"auto_pad"}}},
      {"DequantizeLinear", {{"axis", "block_size", "output_dtype"}, {}, {}, {}}},
      {"QuantizeLinear", {{"axis", "block_size", "output_dtype"}, {}, {}, {}}},
      {"Dropout", {{"is_test"}, {}, {"ratio"}, {}}},
      {"Gemm", {{"transA", "transB", "broadcast"}, {}, {"alpha", "beta"}, {}}},
      {"LRN", {{"size"}, {}, {"alpha", "beta", "bias"}, {}}},
      {"LayerNormalization", {{"axis", "stash_type"}, {}, {"epsilon"}, {}}},
      {"GRU", {{"hidden_size", "layout", "linear_before_reset"}, {}, {"clip"}, {"direction"}}},
      {"LSTM", {{"hidden_size", "layout", "input_forget"}, {}, {"clip"}, {"direction"}}},
      {"RNN", {{"hidden_size", "layout"}, {}, {"clip"}, {"direction"}}},
      {"Pad", {{}, {"pads", "paddings"}, {"value"}, {"mode"}}},
      {"Reshape", {{"allowzero"}, {"shape"}, {}, {}}},
      {"Shape", {{"start", "end"}, {}, {}, {}}},
      {"Slice", {{}, {"starts", "ends", "axes"}, {}, {}}},
      {"Split", {{"axis", "num_outputs"}, {"split"}, {}, {}}},
      {"Squeeze", {{}, {"axes"}, {}, {}}},
      {"Unsqueeze", {{}, {"axes"}, {}, {}}},
      {"Transpose", {{}, {"perm"}, {}, {}}},
  };
  const auto found = kKnown.find(name);
  if (found != kKnown.end()) return found->second;
  if (name.rfind("Reduce", 0) == 0) return {{"keepdims", "noop_with_empty_axes"}, {"axes"}, {}, {}};
  return {{"axis", "broadcast"}, {}, {"alpha", "beta", "gamma"}, {}};
}

class Builder {
 public:
  Builder(const uint8_t* data, size_t size) : bytes_(data, size) {}

  Network build() {
    static const std::vector<LayerKind> kKinds = layer_kinds();
    ValueId last = kNoValue;
    const int nodes = bytes_.ConsumeIntegralInRange(1, 3);
    for (int n = 0; n < nodes; ++n) {
      const std::string name =
          kKinds[bytes_.ConsumeIntegralInRange<size_t>(0, kKinds.size() - 1)].operator_name;
      std::vector<ValueId> inputs;
      const int count = bytes_.ConsumeIntegralInRange(0, 9);
      for (int i = 0; i < count; ++i) inputs.push_back(i == 0 && last != kNoValue ? last : input());
      const int outputs = bytes_.ConsumeIntegralInRange(1, 3);
      const int opset = bytes_.ConsumeIntegralInRange(1, 25);
      const auto made =
          builder_.node(name, "n" + std::to_string(n), inputs, attributes(name), outputs, opset);
      last = made[0];
      for (const ValueId id : made) builder_.output(id);
    }
    return builder_.build();
  }

 private:
  int64_t integer() {
    constexpr std::array<int64_t, 9> kFar = {std::numeric_limits<int64_t>::min(),
                                             std::numeric_limits<int64_t>::max(),
                                             int64_t{1} << 31,
                                             int64_t{1} << 32,
                                             -(int64_t{1} << 40),
                                             int64_t{1} << 62,
                                             1000,
                                             100000,
                                             std::numeric_limits<int64_t>::min() + 1};
    return bytes_.ConsumeIntegralInRange(0, 9) == 0 ? bytes_.PickValueInArray(kFar)
                                                    : bytes_.ConsumeIntegralInRange<int64_t>(-3, 5);
  }
  std::vector<int64_t> integers() {
    std::vector<int64_t> values(bytes_.ConsumeIntegralInRange<size_t>(0, 6));
    for (int64_t& value : values) value = integer();
    return values;
  }
  float number() {
    constexpr std::array<float, 6> kNumbers = {
        0.0f, -1.0f, 0.5f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN(),
        1e30f};
    return bytes_.PickValueInArray(kNumbers);
  }

  Attributes attributes(const std::string& name) {
    Attributes result;
    const Known known = attributes_of(name);
    for (const char* const key : known.integers) {
      if (bytes_.ConsumeBool()) result.set(key, integer());
    }
    for (const char* const key : known.lists) {
      if (bytes_.ConsumeBool()) result.set(key, integers());
    }
    for (const char* const key : known.floats) {
      if (bytes_.ConsumeBool()) result.set(key, number());
    }
    constexpr std::array<const char*, 11> kTexts = {"SAME_UPPER", "SAME_LOWER", "VALID",        "NOTSET",
                                                    "constant",   "reflect",    "edge",         "wrap",
                                                    "FLOAT",      "reverse",    "bidirectional"};
    for (const char* const key : known.texts) {
      if (bytes_.ConsumeBool()) result.set(key, std::string(bytes_.PickValueInArray(kTexts)));
    }
    if (name == "Constant" || name == "ConstantOfShape") result.set("value", tensor());
    return result;
  }

  Shape shape() {
    Shape result(bytes_.ConsumeIntegralInRange<size_t>(0, 5));
    for (int64_t& dimension : result) dimension = bytes_.ConsumeIntegralInRange<int64_t>(0, 5);
    return result;
  }
  DataType type() {
    constexpr std::array<DataType, 8> kTypes = {DataType::float32, DataType::float32, DataType::float32,
                                                DataType::int64,   DataType::int8,    DataType::uint8,
                                                DataType::int32,   DataType::float64};
    return bytes_.ConsumeIntegralInRange(0, 9) == 0
               ? static_cast<DataType>(bytes_.ConsumeIntegralInRange(0, 12))
               : bytes_.PickValueInArray(kTypes);
  }
  Tensor tensor() {
    if (bytes_.ConsumeBool()) {  // axes, pads, sizes
      const std::vector<int64_t> values = integers();
      return Tensor::of<int64_t>({static_cast<int64_t>(values.size())}, values);
    }
    Tensor result = Tensor::zeros(type(), shape());
    for (float& value : result.type() == DataType::float32 ? result.values<float>() : std::span<float>())
      value = number();
    return result;
  }
  ValueId input() {
    switch (bytes_.ConsumeIntegralInRange(0, 4)) {
      case 0:
        return kNoValue;
      case 1:
      case 2:
        return builder_.input("", type(), shape());
      default:
        return builder_.constant("", tensor());
    }
  }

  FuzzedDataProvider bytes_;
  NetworkBuilder builder_{"fuzz"};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    deltahop::run_if_small(Builder(data, size).build());
  } catch (const deltahop::Error&) {
  }
  return 0;
}
