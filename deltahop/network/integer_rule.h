// SPDX-License-Identifier: Apache-2.0
// Which nodes of a network have an integer rule, and how their constant operands enter it.
#pragma once

#include <string>
#include <vector>

#include "deltahop/network/network.h"

namespace deltahop {

bool is_floating(const Value& value);

// The operand that is added to the sums (the third input of Conv and Gemm): it has no format of its own.
bool is_bias(const Node& node, size_t input);

// Conv, Gemm or MatMul over constant weights in a form that one 16-bit convolution computes
// (Workload::shape): Gemm without factors and without transposed A, bias constant, along the out channels or
// absent.
bool is_weighted_sum(const Network& network, const Node& node);

// "" where the node runs in integers: it keeps codes, or has exact sums for its operands. Else why the host
// computes it in float ("Softmax has no integer rule"). Shapes must be bound.
std::string host_reason(const Network& network, const Node& node);

// The values that an IntegerModel of this network must give a format, in the order of their ids: every
// floating value that is not a constant, and every constant operand of a node with an integer rule but
// biases. Shapes must be bound.
std::vector<ValueId> values_with_formats(const Network& network);

// Values that share one format because one pass makes them: those inside a stage, and the outputs of a node
// that keeps codes. Each group has at least two members.
std::vector<std::vector<ValueId>> values_of_one_format(const Network& network);

// Throws Error where an input's shape is not bound.
void require_bound(const Network& network);

}  // namespace deltahop
