// SPDX-License-Identifier: Apache-2.0
// A network whose convolutions skip zeros where that is faster: maps go from layer to layer compressed, and
// each convolution runs sparse or dense by the zeros of the input at hand and the measured break-even of its
// shape. Integers of 8 bits give the integer executor's codes, bit for bit, whichever path is taken.
//   SparseNetwork network(integer_model, {.threads = 1});
//   network.set_break_even(0, 0.55);
//   network.run(inputs);
//   network.layers()[0].path;
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "deltahop/kernels/convolution_shape.h"
#include "deltahop/kernels/sparse_conv2d.h"
#include "deltahop/run/executor.h"

namespace deltahop {

enum class PathRule { measured, sparse, dense };  // by zeros and break-even, or always this one

struct SparseOptions {
  int threads = 1;
  PathRule rule = PathRule::measured;
  bool count_macs = false;  // executed_macs, which takes time
};

// A convolution and what it did in the last run.
struct SparseLayer {
  std::string name;
  ConvolutionShape shape;
  bool is_integer = true;
  bool offset_input = false;  // its input had negative values: every one is multiplied
  double break_even = 2;      // the share of zeros from which skipping is faster; above 1: never
  ConvolutionPath path = ConvolutionPath::dense;
  int64_t inputs = 0, zeros = 0;
  int64_t dense_macs = 0, executed_macs = 0;  // executed: products of inputs that are not zero, or all
  double left_out = 0;  // the share of its products that dense tiles left out: whole rows of zeros
  int64_t weight_bytes = 0, input_bytes = 0, output_bytes = 0;  // as they lie in memory
  double seconds = 0;
  double zero_share() const {
    return inputs == 0 ? 0 : static_cast<double>(zeros) / static_cast<double>(inputs);
  }
};

// Time against the share of zeros.
struct BreakEvenCurve {
  double dense_s = 0;
  struct Point {
    double zero_share = 0, sparse_s = 0;
  };
  std::vector<Point> points;  // in ascending order of zero_share
  // Where the sparse line falls below 97 % of the dense time, between points in a straight line; 0: it is
  // there always, 2: never.
  double break_even() const;
};

class SparseNetwork {
 public:
  SparseNetwork(IntegerModel model, const SparseOptions& options);
  // In float32; batch normalisation folded, shapes bound.
  SparseNetwork(Network network, const SparseOptions& options);
  SparseNetwork(SparseNetwork&&) noexcept;
  ~SparseNetwork();

  // The network's outputs in float32, and as codes where it runs in integers (`saturated` is not counted).
  IntegerResult run(const std::vector<Tensor>& inputs);

  void set_rule(PathRule rule);
  void set_count_macs(bool count);
  // Convolutions that can skip zeros, in order.
  const std::vector<SparseLayer>& layers() const;
  void set_break_even(size_t layer, double zero_share);
  // Random maps with these shares of zeros through the layer's own weights, both paths in turn; the second
  // fastest of the rounds.
  BreakEvenCurve measure(size_t layer, const std::vector<double>& zero_shares);
  // Nodes that run in general code, and why nothing else was possible is their operator.
  const std::vector<std::string>& general_nodes() const;
  // Seconds of the last run outside of layers().
  double other_seconds() const;

  class Engine;

 private:
  std::unique_ptr<Engine> engine_;
};

}  // namespace deltahop
