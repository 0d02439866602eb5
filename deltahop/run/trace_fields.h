// SPDX-License-Identifier: Apache-2.0
// The numbers of a LayerTrace as arrays of int64, and the checks of what was read.
#pragma once

#include "deltahop/network/trace.h"

namespace deltahop::trace_fields {

// Formats of input, weights and output, rounding, overflow, host: a fixed order.
Tensor numbers_of(const LayerTrace& trace);
void read_numbers(const Tensor& numbers, LayerTrace& trace);

Tensor workload_of(const FusedWorkload& workload);
// Bounds out of reason throw Error.
FusedWorkload read_workload(const Tensor& numbers, const std::string& name);

// Throws Error where tensors do not fit the workload or each other, or hold codes beyond their format.
void check(const LayerTrace& trace);

}  // namespace deltahop::trace_fields
