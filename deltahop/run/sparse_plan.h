// SPDX-License-Identifier: Apache-2.0
// A network cut into the steps of the sparse engine: convolutions with what follows them, joins and pooling
// on maps whose channels lie beside each other, and everything else ("general"), which runs as in the
// executors.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "deltahop/kernels/sparse_conv2d.h"
#include "deltahop/network/stage.h"
#include "deltahop/run/moved_codes.h"

namespace deltahop {

// [rows, columns, channels] of one picture; a vector is a map of one pixel.
struct MapSize {
  int64_t rows = 1, columns = 1, channels = 1;
  int64_t size() const { return rows * columns * channels; }
  friend bool operator==(const MapSize&, const MapSize&) = default;
};
// Absent for anything else than [1, C, H, W] and [1, C].
std::optional<MapSize> map_size(const Network& network, ValueId value);

struct SparseStep {
  enum class Kind { convolution, add, concat, max_pool, average_pool, move, general };
  Kind kind = Kind::general;
  std::vector<size_t> stages;   // that are done with this step, in order
  std::vector<ValueId> inputs;  // maps
  ValueId output = kNoValue;
  bool relu = false;
  Moves moves;                     // of `move`
  std::optional<Pooling> pooling;  // of max_pool and average_pool, and what follows a convolution

  // Convolutions: their first stage holds the weights. A fully connected layer behind a Flatten is the
  // convolution whose window is the whole map.
  ConvolutionShape shape;
  ValueId sums = kNoValue;  // the value that the sums are rounded to, before any pooling
  // Where the result goes: into `output`, or beside others into that of a concatenation.
  ValueId target = kNoValue;
  int64_t first_channel = 0;

  bool nonnegative_input = false;  // known without looking: of ReLU, through pooling and joins
  bool done_by_inputs = false;     // a concatenation whose inputs have all been written in place
};

struct PlanRules {
  // Values that the engine can hold as maps: integers of 8 bits, floats.
  std::function<bool(ValueId)> fits_map;
  // Values of one format: codes of one are codes of the other.
  std::function<bool(ValueId, ValueId)> same_format;
  // Two maps that the engine can add.
  std::function<bool(ValueId, ValueId)> fits_addition;
  // The mean of values that are not negative is not negative (codes that wrap around may become so).
  bool means_keep_sign = true;
  // Weights and bias of the stage's first node fit the kernels.
  std::function<bool(size_t stage, const ConvolutionShape&)> fits_kernel;
};

std::vector<SparseStep> sparse_plan(const Network& network, const std::vector<Stage>& stages,
                                    const PlanRules& rules);

}  // namespace deltahop
