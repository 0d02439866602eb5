// SPDX-License-Identifier: Apache-2.0
// The interface of a layer, and the catalog of all kinds. A layer is one file in network/layers/ that defines
// describe_<file>(); it says what it makes of shapes, computes in float, may compute exact integer sums, and
// lowers to a workload if it multiplies. Layers hold attributes only: weights are inputs, as in ONNX.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "deltahop/network/attributes.h"
#include "deltahop/network/workload.h"
#include "deltahop/tensor/fixed_point.h"
#include "deltahop/tensor/tensor.h"

namespace deltahop {

// What is known of a value before anything runs.
struct ValueInfo {
  DataType type = DataType::float32;
  std::optional<Shape> shape;        // absent where it depends on data
  const Tensor* constant = nullptr;  // the value itself where it does not depend on any input
};

// One entry an input, in the operator's order; an optional input that is absent is a null pointer / an absent
// info.
using InferInputs = std::span<const std::optional<ValueInfo>>;
using TensorInputs = std::span<const Tensor* const>;

struct ForwardOptions {
  int threads = 1;
};

// Codes with their scale: value = code * 2^-fraction_bits.
struct IntegerValue {
  const Tensor* codes = nullptr;  // int16; a bias may be int32 or int64
  int fraction_bits = 0;
};

// Exact sums: value = sum / divisor * 2^-fraction_bits. Rounded once, by the executor, to the output's
// format.
struct Accumulators {
  Tensor sums;  // int64
  int fraction_bits = 0;
  int64_t divisor = 1;
};

class Layer {
 public:
  virtual ~Layer() = default;

  virtual std::string_view operator_name() const = 0;  // ONNX name, "Conv"
  virtual std::string_view domain() const { return ""; }
  // The attributes in the form of ONNX opset 17, so that make() of the same kind would build this layer
  // again.
  virtual Attributes attributes() const = 0;

  // Types and shapes of all outputs. Throws Error (without a place: the network adds the node's name) where
  // the inputs do not fit. A shape that needs a constant that is not there stays absent.
  virtual std::vector<ValueInfo> infer(InferInputs inputs) const = 0;

  // The outputs for these inputs, of the types that infer() says.
  virtual std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions& options) const = 0;

  // The loop nest of a layer that multiplies by weights; absent otherwise. Shapes must be known.
  virtual std::optional<Workload> workload(InferInputs) const { return std::nullopt; }

  // True where forward() on int16 codes of one format gives codes of the same format (ReLU, max pooling,
  // reshaping, ...); several inputs must then share their format (Concat): the executor aligns them.
  virtual bool keeps_codes() const { return false; }

  // Exact sums for a layer with an integer rule (Conv, Gemm, Add, average pooling); absent where there is
  // none: the integer executor then computes the layer in float and rounds the result ("host float").
  virtual std::optional<Accumulators> accumulate(std::span<const IntegerValue> inputs,
                                                 const ForwardOptions&) const {
    (void)inputs;
    return std::nullopt;
  }
};

// What a kind's make() gets. Other opsets are brought to the form of opset 17 there: attributes that became
// inputs are appended to `inputs` as constants; trailing constant inputs that became attributes later may be
// cut off `inputs`.
struct LayerArguments {
  struct Input {
    bool present = true;
    std::optional<Tensor> new_constant;  // set by make() where it turns an attribute into an input
    const Tensor* constant = nullptr;    // known value of an existing input
  };
  int opset = 17;  // of the model that the node comes from
  std::string operator_name;
  Attributes attributes;
  std::vector<Input> inputs;
  int output_count = 1;
};

struct LayerKind {
  std::string operator_name;
  std::string summary;  // one line for `deltahop list layers`
  // Throws Error (no place) on attributes that it does not know or cannot do; asks attributes.finish().
  std::unique_ptr<Layer> (*make)(LayerArguments& arguments);
  std::string domain = "";  // "" is ONNX's own
};

// Generated: the kinds of all files in network/layers/, in alphabetical order of files.
std::vector<LayerKind> layer_kinds();

// Finds the kind and makes the layer. Throws Error naming the operator where there is none.
std::unique_ptr<Layer> make_layer(LayerArguments& arguments, std::string_view domain = "");

}  // namespace deltahop
