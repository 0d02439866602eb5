// SPDX-License-Identifier: Apache-2.0
// What layers ask of their inputs before they compute: how many, of which types and shapes. Every refusal is
// an Error that says what the operator wants.
//   const ValueInfo& x = required(inputs, 0, "X");
//   require_type(x, "X", {DataType::float32, DataType::float64});
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "deltahop/network/layer.h"

namespace deltahop {

constexpr std::initializer_list<DataType> kFloatingTypes = {DataType::float32, DataType::float64,
                                                            DataType::float16, DataType::bfloat16};

// Throws where the node has fewer or more inputs than the operator takes.
void require_input_count(InferInputs inputs, size_t least, size_t most);
// The input at `index`; throws, naming it, where it is absent, or where its shape holds more than a tensor
// can: what is computed from the dimensions of an input cannot overflow.
const ValueInfo& required(InferInputs inputs, size_t index, std::string_view name);
// The same, or a null pointer where it is absent.
const ValueInfo* optional_info(InferInputs inputs, size_t index);
const Tensor* optional_input(TensorInputs inputs, size_t index);

void require_type(const ValueInfo& info, std::string_view name, std::initializer_list<DataType> types);
// The input must have this shape, where its shape is known.
void require_shape(const ValueInfo* info, std::string_view name, const Shape& shape);

// Throws where the multiply-accumulates of a layer could not be counted in 64 bits.
void require_countable_work(int64_t outputs, int64_t products_per_output);

// What infer() would be told of these tensors: forward() checks them by the same rules.
std::vector<std::optional<ValueInfo>> infos_of(TensorInputs inputs);

// An axis counted from the end where negative. Throws Error where it is outside [-rank, rank).
size_t normalized_axis(int64_t axis, size_t rank);

// The tensor itself where it is of `type`, else a converted copy that lives as long as this object.
class AsType {
 public:
  AsType(const Tensor& tensor, DataType type) : source_(tensor) {
    if (tensor.type() != type) copy_ = tensor.converted(type);
  }
  AsType(const AsType&) = delete;
  AsType& operator=(const AsType&) = delete;
  const Tensor& get() const { return copy_ ? *copy_ : source_; }

 private:
  const Tensor& source_;
  std::optional<Tensor> copy_;
};

// The type that an operator computes in: double stays, the half precisions become float32.
DataType computing_type(DataType type);

// Converted where it is of another type.
Tensor as_type(Tensor tensor, DataType type);
std::vector<Tensor> one(Tensor tensor);

// A make() for LayerKind.
template <class Kind>
std::unique_ptr<Layer> make_kind(LayerArguments& arguments) {
  return std::make_unique<Kind>(arguments);
}

}  // namespace deltahop
