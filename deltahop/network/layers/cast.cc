// SPDX-License-Identifier: Apache-2.0
// Cast: every element as another type. Floats go to integers towards zero and saturate; integers keep their
// low bits.
#include <array>

#include <fmt/format.h>

#include "deltahop/network/layer_inputs.h"

namespace deltahop {
namespace {

struct OnnxType {
  int64_t number;  // TensorProto.DataType
  std::string_view name;
  DataType type;
};
constexpr std::array<OnnxType, 13> kOnnxTypes = {{{1, "FLOAT", DataType::float32},
                                                  {2, "UINT8", DataType::uint8},
                                                  {3, "INT8", DataType::int8},
                                                  {4, "UINT16", DataType::uint16},
                                                  {5, "INT16", DataType::int16},
                                                  {6, "INT32", DataType::int32},
                                                  {7, "INT64", DataType::int64},
                                                  {9, "BOOL", DataType::boolean},
                                                  {10, "FLOAT16", DataType::float16},
                                                  {11, "DOUBLE", DataType::float64},
                                                  {12, "UINT32", DataType::uint32},
                                                  {13, "UINT64", DataType::uint64},
                                                  {16, "BFLOAT16", DataType::bfloat16}}};

class Cast final : public Layer {
 public:
  explicit Cast(LayerArguments& arguments) : type_(wanted_type(arguments.attributes)) {
    // Only conversions to 8-bit floats may choose not to saturate, and how to round; those types are refused
    // above.
    arguments.attributes.integer("saturate", 1);
    arguments.attributes.text("round_mode", "up");
    arguments.attributes.finish();
  }
  std::string_view operator_name() const override { return "Cast"; }
  Attributes attributes() const override {
    for (const OnnxType& one_type : kOnnxTypes) {
      if (one_type.type == type_) return {{"to", one_type.number}};
    }
    return {};
  }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 1, 1);
    return {{type_, required(inputs, 0, "input").shape, nullptr}};
  }
  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    infer(infos_of(inputs));
    return one(inputs[0]->converted(type_));
  }

 private:
  static DataType wanted_type(const Attributes& attributes) {
    const auto found = attributes.entries().find("to");
    if (found == attributes.entries().end()) throw Error("", "the attribute 'to' is missing");
    // Up to opset 5 the type was named, since then it is a number.
    if (std::holds_alternative<std::string>(found->second)) {
      const std::string name = attributes.text("to", "");
      for (const OnnxType& one_type : kOnnxTypes) {
        if (one_type.name == name) return one_type.type;
      }
      throw Error("", fmt::format("the type '{}' is not supported", name));
    }
    const int64_t number = attributes.integer("to", 0);
    for (const OnnxType& one_type : kOnnxTypes) {
      if (one_type.number == number) return one_type.type;
    }
    throw Error("", fmt::format("the type number {} is not supported", number),
                "strings, complex numbers and types of 8 bits or fewer with a point are not");
  }

  DataType type_;
};

}  // namespace

std::vector<LayerKind> describe_cast() {
  return {{"Cast", "every element as another type", make_kind<Cast>}};
}

}  // namespace deltahop
