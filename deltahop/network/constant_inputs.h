// SPDX-License-Identifier: Apache-2.0
// Inputs that steer a layer rather than flow through it (axes, shapes, sizes): older opsets wrote them as
// attributes. make() turns those into constant inputs; infer() reads them where they are known.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "deltahop/network/layer.h"

namespace deltahop {

// Makes `tensor` the input at `index`; inputs between the last and this one are absent. Throws Error where
// the node has that input already: it then says the same thing twice.
void add_constant_input(LayerArguments& arguments, size_t index, Tensor tensor, std::string_view name);
// The attribute `name`, if there is one, as a 1-D int64 input.
void attribute_to_input(LayerArguments& arguments, std::string_view name, size_t index);

// The elements of an int32 or int64 tensor of at most one dimension. Throws Error, naming the input, for
// another one.
std::vector<int64_t> integers_of(const Tensor& tensor, std::string_view name);
// Of an input that may be absent: `fallback` then; nothing where the value is not known.
std::optional<std::vector<int64_t>> known_integers(InferInputs inputs, size_t index, std::string_view name,
                                                   std::vector<int64_t> fallback = {});
bool is_present(InferInputs inputs, size_t index);

// The axes as a mark per dimension. Throws Error on one that is out of range or comes twice.
std::vector<bool> marked_axes(const std::vector<int64_t>& axes, size_t rank);

}  // namespace deltahop
