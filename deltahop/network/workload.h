// SPDX-License-Identifier: Apache-2.0
// What a layer asks of hardware: a loop nest over named dimensions. Chips understand workloads, not layers,
// so a new layer runs on every chip unchanged.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "deltahop/kernels/convolution_shape.h"

namespace deltahop {

// A recurrent layer multiplies [input, state] by all gates of all directions, each of T steps after the
// other.
enum class WorkloadKind { convolution, fully_connected, matrix_product, recurrent };

struct Workload {
  WorkloadKind kind = WorkloadKind::convolution;
  ConvolutionShape shape;  // N K C P Q R S and groups; a matrix product [P, C] x [C, K] has R = S = Q = 1
  int64_t time_steps = 1;  // T
  int operand_bits = 16;

  // Dense multiply-accumulates, positions in the padding included (the convention of [Sze2017] table II).
  int64_t macs() const {
    return time_steps * shape.batch * shape.out_channels * shape.out_rows * shape.out_columns *
           shape.kernel_size();
  }
  int64_t weights() const { return shape.out_channels * shape.kernel_size(); }  // biases are not weights
};

// Max or average pooling that follows a layer.
struct Pooling {
  enum class Kind { max, average };
  Kind kind = Kind::max;
  int64_t rows = 2, columns = 2;
  int64_t stride_rows = 2, stride_columns = 2;
  int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  friend bool operator==(const Pooling&, const Pooling&) = default;
};

// A workload with what is done to its output before it is stored: the unit that chips work in.
struct FusedWorkload {
  std::string name;  // of the node that computes
  Workload workload;
  bool relu = false;
  std::optional<Pooling> pooling;
};

std::string to_text(
    const Workload& workload);  // "conv 3x3/1 64->128, 112x112" in the field's usual short hand

}  // namespace deltahop
