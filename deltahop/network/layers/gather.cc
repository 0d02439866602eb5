// SPDX-License-Identifier: Apache-2.0
// Gather: the rows of the data, along an axis, that the indices name; a negative index counts from the end.
#include <cstring>

#include <fmt/format.h>

#include "deltahop/network/layer_inputs.h"

namespace deltahop {
namespace {

class Gather final : public Layer {
 public:
  explicit Gather(LayerArguments& arguments) {
    axis_ = arguments.attributes.integer("axis", 0);
    arguments.attributes.finish();
  }
  std::string_view operator_name() const override { return "Gather"; }
  Attributes attributes() const override { return {{"axis", axis_}}; }
  bool keeps_codes() const override { return true; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 2, 2);
    const ValueInfo& data = required(inputs, 0, "data");
    const ValueInfo& indices = required(inputs, 1, "indices");
    require_type(indices, "indices", {DataType::int64, DataType::int32});
    if (!data.shape || !indices.shape) return {{data.type, std::nullopt, nullptr}};
    const size_t axis = normalized_axis(axis_, data.shape->size());
    Shape shape(data.shape->begin(), data.shape->begin() + static_cast<ptrdiff_t>(axis));
    shape.insert(shape.end(), indices.shape->begin(), indices.shape->end());
    shape.insert(shape.end(), data.shape->begin() + static_cast<ptrdiff_t>(axis) + 1, data.shape->end());
    return {{data.type, shape, nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    Tensor output(inputs[0]->type(), *infer(infos_of(inputs))[0].shape);
    const Tensor& data = *inputs[0];
    const size_t axis = normalized_axis(axis_, data.rank());
    const int64_t size = data.dim(axis);
    const AsType indices(*inputs[1], DataType::int64);
    std::vector<size_t> rows;
    for (const int64_t index : indices.get().values<int64_t>()) {
      if (index < -size || index >= size)
        throw Error("",
                    fmt::format("the index {} is outside of axis {} with {} elements", index, axis, size));
      rows.push_back(static_cast<size_t>(index < 0 ? index + size : index));
    }
    if (output.size() == 0) return one(std::move(output));
    size_t blocks = 1;
    for (size_t before = 0; before < axis; ++before) blocks *= static_cast<size_t>(data.dim(before));
    const size_t block = data.bytes().size() / blocks, row_bytes = block / static_cast<size_t>(size);
    std::byte* to = output.bytes().data();
    for (size_t b = 0; b < blocks; ++b) {
      const std::byte* from = data.bytes().data() + b * block;
      for (const size_t row : rows) {
        std::memcpy(to, from + row * row_bytes, row_bytes);
        to += row_bytes;
      }
    }
    return one(std::move(output));
  }

 private:
  int64_t axis_ = 0;
};

}  // namespace

std::vector<LayerKind> describe_gather() {
  return {{"Gather", "the rows along an axis that indices name", make_kind<Gather>}};
}

}  // namespace deltahop
