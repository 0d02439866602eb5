// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/onnx_lower.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "deltahop/io/onnx.h"
#include "deltahop/io/onnx_tensor.h"
#include "deltahop/network/recurrent_cell.h"

namespace deltahop {
namespace {

// Operators that came after the written set.
constexpr std::array<std::pair<std::string_view, int>, 8> kNewerOperators = {{{"BitwiseAnd", 18},
                                                                              {"BitwiseNot", 18},
                                                                              {"BitwiseOr", 18},
                                                                              {"BitwiseXor", 18},
                                                                              {"CenterCropPad", 18},
                                                                              {"Mish", 18},
                                                                              {"GroupNormalization", 21},
                                                                              {"Gelu", 20}}};

class Lowering {
 public:
  Lowering(const Network& network, const Node& node) : network_(network), node_(node) {
    plain_.operator_name = std::string(node.layer->operator_name());
    plain_.name = node.name;
    plain_.domain = std::string(node.layer->domain());
    for (const ValueId id : node.inputs) plain_.inputs.push_back(value_name(id));
    for (const ValueId id : node.outputs) plain_.outputs.push_back(value_name(id));
    plain_.attributes = node.layer->attributes();
  }

  LoweredNode run() {
    if (!plain_.domain.empty()) return take();
    if (plain_.operator_name == "If") {
      throw Error(fmt::format("node '{}' (If)", node_.name), "input shapes that are still open decide it",
                  "bind them before writing");
    }
    for (const auto& [name, opset] : kNewerOperators) {
      if (plain_.operator_name == name) refuse(fmt::format("came with opset {}", opset));
    }
    const std::string& name = plain_.operator_name;
    if (name == "Softmax" || name == "LogSoftmax") return softmax();
    if (name == "BatchNormalization" && plain_.attributes.integer("spatial", 1) == 0)
      refuse("normalises every element by itself");
    if (plain_.attributes.has("broadcast")) align();
    if (name == "AveragePool") average_pool();
    if (name == "QuantizeLinear" || name == "DequantizeLinear") quantization();
    if (name == "ReduceMean" || name == "ReduceMax" || name == "ReduceSumSquare") reduction();
    if (name == "Split") split();
    if (name == "Pad") pad();
    if (name == "Dropout") return dropout();
    if (cell_kind_of(*node_.layer) && type_of_input(0) == DataType::bfloat16)
      refuse("a recurrent layer of type bfloat16");
    return take();
  }

 private:
  std::string value_name(ValueId id) const {
    return id == kNoValue ? std::string() : network_.value(id).name;
  }

  [[noreturn]] void refuse(std::string_view what) const {
    throw Error(fmt::format("node '{}' ({})", node_.name, plain_.operator_name),
                fmt::format("{}: opset {} has no form for it", what, kWrittenOpset));
  }

  LoweredNode take() {
    lowered_.nodes.push_back(std::move(plain_));
    return std::move(lowered_);
  }

  std::string unused_name(const std::string& wish) const {
    std::string name = wish;
    while (network_.find_value(name) != kNoValue) name += '#';
    return name;
  }

  // Before opset 13, Softmax saw its input as a matrix: [dimensions before the axis, the axis and all after
  // it].
  LoweredNode softmax() {
    if (plain_.attributes.integer("flatten", 0) == 0) return take();
    plain_.attributes.erase("flatten");
    const auto& shape = network_.value(node_.inputs.at(0)).shape;
    const int64_t axis = plain_.attributes.integer("axis", -1);
    plain_.attributes.set("axis", int64_t{-1});
    if (shape && (axis == -1 || axis + 1 == static_cast<int64_t>(shape->size()))) return take();
    const std::string input = plain_.inputs[0], output = plain_.outputs[0];
    const std::string matrix = unused_name(output + "/matrix"), result = unused_name(output + "/result"),
                      size = unused_name(output + "/shape");
    lowered_.nodes.push_back({"Flatten", node_.name + "/flatten", "", {input}, {matrix}, {{"axis", axis}}});
    lowered_.nodes.push_back(
        {plain_.operator_name, node_.name, "", {matrix}, {result}, {{"axis", int64_t{-1}}}});
    lowered_.nodes.push_back({"Shape", node_.name + "/shape", "", {input}, {size}, {}});
    lowered_.nodes.push_back({"Reshape", node_.name + "/reshape", "", {result, size}, {output}, {}});
    return std::move(lowered_);
  }

  void average_pool() {
    const std::vector<int64_t> dilations = plain_.attributes.integers("dilations");
    if (std::any_of(dilations.begin(), dilations.end(), [](int64_t d) { return d != 1; }))
      refuse("average pooling with dilation");
    plain_.attributes.erase("dilations");
  }

  DataType type_of_input(size_t index) const { return network_.value(node_.inputs.at(index)).type; }
  bool has_input(size_t index) const {
    return index < node_.inputs.size() && node_.inputs[index] != kNoValue;
  }
  const Tensor* constant_input(size_t index) const {
    return has_input(index) ? network_.value(node_.inputs[index]).constant.get() : nullptr;
  }

  // Puts a new constant in the place of an input.
  void set_input(size_t index, Tensor tensor) {
    const std::string name = unused_name(fmt::format("{}/input_{}", plain_.outputs.at(0), index));
    plain_.inputs.resize(std::max(plain_.inputs.size(), index + 1));
    plain_.inputs[index] = name;
    lowered_.constants.emplace_back(name, std::move(tensor));
  }

  // Up to opset 6 the second operand could begin at any axis of the first: now ones follow instead.
  void align() {
    const auto& a = network_.value(node_.inputs.at(0)).shape;
    const Value& second = network_.value(node_.inputs.at(1));
    if (!a || !second.shape) refuse("an operand along the axes of one that is not known");
    const Shape& b = *second.shape;
    const int64_t rank = static_cast<int64_t>(a->size()), axis = plain_.attributes.integer("axis", 0);
    plain_.attributes.erase("axis");
    plain_.attributes.erase("broadcast");
    Shape aligned = b;
    aligned.resize(static_cast<size_t>(rank - (axis < 0 ? axis + rank : axis)), 1);
    if (element_count(b) == 1 || aligned == b) return;
    if (second.constant != nullptr) {
      set_input(1, second.constant->reshaped(aligned));
      return;
    }
    std::vector<int64_t> axes;
    for (size_t i = b.size(); i < aligned.size(); ++i) axes.push_back(static_cast<int64_t>(i));
    const std::string operand = plain_.inputs[1];
    set_input(1, Tensor::of<int64_t>({static_cast<int64_t>(axes.size())}, axes));
    const std::string unsqueezed = unused_name(plain_.outputs.at(0) + "/operand");
    lowered_.nodes.push_back(
        {"Unsqueeze", node_.name + "/unsqueeze", "", {operand, plain_.inputs[1]}, {unsqueezed}, {}});
    plain_.inputs[1] = unsqueezed;
  }

  // Blocks, 16-bit codes and chosen output types came with opset 21.
  void quantization() {
    if (plain_.attributes.integer("block_size", 0) != 0) refuse("scales for blocks");
    const bool quantizes = plain_.operator_name == "QuantizeLinear";
    const DataType codes = quantizes ? network_.value(node_.outputs.at(0)).type : type_of_input(0);
    const DataType reals = quantizes ? type_of_input(0) : network_.value(node_.outputs.at(0)).type;
    const bool known =
        codes == DataType::uint8 || codes == DataType::int8 || (codes == DataType::int32 && !quantizes);
    if (!known) refuse(fmt::format("codes of type {}", name_of(codes)));
    if (reals != DataType::float32 && !(quantizes && reals == DataType::int32))
      refuse(fmt::format("values of type {}", name_of(reals)));
    plain_.attributes.erase("output_dtype");
    if (quantizes && codes == DataType::int8 && !has_input(2)) {
      const auto& scale = network_.value(node_.inputs.at(1)).shape;
      if (!scale) refuse("signed codes without a zero point");
      set_input(2, Tensor::zeros(DataType::int8, *scale));
    }
  }

  // Axes became an input with opset 18.
  void reduction() {
    if (has_input(1)) refuse("axes that are not constant");
    plain_.inputs.resize(1);
    if (plain_.attributes.has("noop_with_empty_axes")) refuse("a reduction over no axes");
    if (type_of_input(0) == DataType::boolean) refuse("a reduction of truth values");
  }

  // Pieces that are not equal must be given; opset 18 counts them only.
  void split() {
    const auto& shape = network_.value(node_.inputs.at(0)).shape;
    if (has_input(1)) return;
    if (!shape) refuse("a split into pieces that are not known");
    const int64_t axis = plain_.attributes.integer("axis", 0);
    const int64_t size =
        shape->at(static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(shape->size()) : axis));
    const int64_t pieces = static_cast<int64_t>(node_.outputs.size());
    if (size % pieces == 0) return;
    const int64_t piece = (size + pieces - 1) / pieces;
    std::vector<int64_t> sizes;
    for (int64_t left = size; sizes.size() < node_.outputs.size(); left -= sizes.back()) {
      sizes.push_back(std::min(piece, left));  // more than one may be short of a full piece
    }
    set_input(1, Tensor::of<int64_t>({pieces}, sizes));
  }

  // Opset 18 may name the axes, opset 19 may wrap around.
  void pad() {
    if (plain_.attributes.text("mode", "constant") == "wrap") refuse("padding that wraps around");
    if (!has_input(3)) return;
    const Tensor* pads = constant_input(1);
    const Tensor* axes = constant_input(3);
    const auto& shape = network_.value(node_.inputs.at(0)).shape;
    if (pads == nullptr || axes == nullptr || !shape) refuse("padding of axes that are not known");
    const Tensor named = axes->converted(DataType::int64), amounts = pads->converted(DataType::int64);
    const size_t rank = shape->size(), count = static_cast<size_t>(named.size());
    std::vector<int64_t> all(2 * rank, 0);
    for (size_t i = 0; i < count; ++i) {
      const int64_t axis = named.values<int64_t>()[i];
      const size_t place = static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(rank) : axis);
      all.at(place) = amounts.values<int64_t>()[i];
      all.at(place + rank) = amounts.values<int64_t>()[i + count];
    }
    set_input(1, Tensor::of<int64_t>({static_cast<int64_t>(2 * rank)}, all));
    plain_.inputs.resize(3);
    while (plain_.inputs.back().empty()) plain_.inputs.pop_back();
  }

  // Up to opset 9 the mask had the type of the values.
  LoweredNode dropout() {
    if (node_.outputs.size() < 2 || node_.outputs[1] == kNoValue) return take();
    const DataType type = network_.value(node_.outputs[1]).type;
    if (type == DataType::boolean) return take();
    if (network_.reader_counts()[static_cast<size_t>(node_.outputs[1])] == 0) {
      plain_.outputs.resize(1);
      return take();
    }
    const std::string wanted = plain_.outputs[1];
    plain_.outputs[1] = unused_name(wanted + "/boolean");
    const PlainNode cast{"Cast",   node_.name + "/cast",
                         "",       {plain_.outputs[1]},
                         {wanted}, {{"to", int64_t{onnx_number_of(type)}}}};
    lowered_.nodes.push_back(std::move(plain_));
    lowered_.nodes.push_back(cast);
    return std::move(lowered_);
  }

  const Network& network_;
  const Node& node_;
  PlainNode plain_;
  LoweredNode lowered_;
};

}  // namespace

LoweredNode lower_to_written_opset(const Network& network, const Node& node) {
  return Lowering(network, node).run();
}

}  // namespace deltahop
