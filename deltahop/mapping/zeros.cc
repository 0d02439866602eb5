// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/zeros.h"

#include <algorithm>
#include <cmath>

#include "deltahop/base/error.h"
#include "deltahop/tensor/encodings/csc.h"
#include "deltahop/tensor/encodings/run_length.h"
#include "deltahop/tensor/encodings/sparsity_map.h"

namespace deltahop {
namespace {

const RunLengthFormat kRuns;
const CscFormat kColumns;

double pointer_bits_of(double entries, double columns) {
  return (columns + 1) * (entries < 65536 ? 16 : 32);  // as the code itself chooses
}

// A gap of g zeros costs floor(g / 2^bits) entries of its own, so an entry stands for every run of 2^bits
// zeros that ends above a value: in a column of `height`, (height - j 2^bits) places have j such runs above.
double expected_entries(double density, int64_t height) {
  const int64_t gap = int64_t{1} << kColumns.index_bits;
  double sum = 0, power = 1;
  for (int64_t above = 0; above < height && power > 0; above += gap) {
    sum += static_cast<double>(height - above) * power;
    power *= std::pow(1 - density, static_cast<double>(gap));
  }
  return density * sum;
}

// The same for an endless stream; without values a pair for every longest run.
double expected_pairs(double density) {
  const auto longest = static_cast<double>(kRuns.longest_run() + 1);
  return density > 0 ? density / (1 - std::pow(1 - density, longest)) : 1 / longest;
}

OperandZeros expected_of(double density, int64_t channels, int64_t rows, int64_t columns) {
  OperandZeros zeros{.density = density};
  const auto values = static_cast<double>(channels * rows * columns);
  zeros.mask_bits = 16.0 * static_cast<double>(sparsity_map_words({channels, rows, columns})) / values;
  zeros.pairs = expected_pairs(density);
  zeros.entries = expected_entries(density, channels) / static_cast<double>(channels);
  zeros.pointer_bits = pointer_bits_of(zeros.entries * values, static_cast<double>(rows * columns)) / values;
  return zeros;
}

// What the windows of one picture cover: the map with its padding, without what no window reaches.
struct Padded {
  int64_t rows, columns;
  std::vector<int16_t> values;

  Padded(const ConvolutionShape& shape, std::span<const int16_t> pictures, int64_t picture)
      : rows(window_extent(shape.out_rows, shape.kernel_rows, shape.stride_rows, shape.dilation_rows)),
        columns(window_extent(shape.out_columns, shape.kernel_columns, shape.stride_columns,
                              shape.dilation_columns)),
        values(static_cast<size_t>(shape.in_channels * rows * columns)) {
    const int64_t first = std::max<int64_t>(0, shape.pad_left);
    const int64_t count = std::min(columns, shape.in_columns + shape.pad_left) - first;
    for (int64_t channel = 0; channel < shape.in_channels && count > 0; ++channel) {
      const int64_t map = (picture * shape.in_channels + channel) * shape.in_rows;
      for (int64_t y = 0; y < rows; ++y) {
        const int64_t from = y - shape.pad_top;
        if (from < 0 || from >= shape.in_rows) continue;
        std::copy_n(pictures.begin() + (map + from) * shape.in_columns + first - shape.pad_left, count,
                    values.begin() + (channel * rows + y) * columns + first);
      }
    }
  }
};

}  // namespace

double OperandZeros::size(Code code, int64_t word_bits) const {
  const auto bits = static_cast<double>(word_bits);
  switch (code) {
    case Code::sparsity_map:
      return (mask_bits + density * bits) / bits;
    case Code::run_length: {
      const int per_word = kRuns.pairs_per_word;
      return pairs * (per_word * (kRuns.run_bits + bits) + 1) / per_word / bits;
    }
    case Code::csc:
      return (entries * (kColumns.index_bits + bits) + pointer_bits) / bits;
    default:
      return 1.0;
  }
}

LayerZeros expected_zeros(const Problem& problem, const Densities& densities) {
  using enum Dimension;
  const int64_t groups = problem.bound(group);
  const auto density = [&](Operand operand) { return densities[index_of(operand)]; };
  const int64_t rows = window_extent(problem.bound(out_row), problem.bound(kernel_row), problem.stride_rows,
                                     problem.dilation_rows);
  const int64_t columns = window_extent(problem.bound(out_column), problem.bound(kernel_column),
                                        problem.stride_columns, problem.dilation_columns);
  LayerZeros zeros;
  // Weights: a column is what one input meets; one stream for the sparsity map.
  const int64_t filters = groups * problem.bound(out_channel);
  const int64_t taps = problem.elements(Operand::weight) / filters;
  OperandZeros& weights = zeros.operands[index_of(Operand::weight)];
  weights = expected_of(density(Operand::weight), filters, 1, taps);
  weights.mask_bits = expected_of(1, filters * taps, 1, 1).mask_bits;
  zeros.operands[index_of(Operand::input)] =
      expected_of(density(Operand::input), groups * problem.bound(in_channel), rows, columns);
  zeros.operands[index_of(Operand::output)] =
      expected_of(density(Operand::output), filters, problem.bound(out_row), problem.bound(out_column));
  zeros.weight_macs = density(Operand::weight);
  zeros.input_macs = density(Operand::input);
  zeros.both_macs = density(Operand::weight) * density(Operand::input);
  return zeros;
}

OperandZeros ZeroMeter::Sums::zeros() const {
  return {nonzeros / values, mask_bits / values, pairs / values, entries / values, pointer_bits / values};
}

void ZeroMeter::Sums::add(const Sums& other) {
  values += other.values, nonzeros += other.nonzeros, mask_bits += other.mask_bits;
  pairs += other.pairs, entries += other.entries, pointer_bits += other.pointer_bits;
}

// One stream of [channels, rows, columns]; a column of CSC holds the channels of a place.
ZeroMeter::Sums ZeroMeter::sums_of(std::span<const int16_t> values, int64_t channels, int64_t rows,
                                   int64_t columns) {
  Sums sums;
  sums.values = static_cast<double>(values.size());
  sums.nonzeros = static_cast<double>(values.size()) -
                  static_cast<double>(std::count(values.begin(), values.end(), int16_t{0}));
  sums.mask_bits = 16.0 * static_cast<double>(sparsity_map_words({channels, rows, columns}));
  const auto word_bits = static_cast<double>(kRuns.word_bits());
  sums.pairs = static_cast<double>(run_length_bits(values).number()) / word_bits * kRuns.pairs_per_word;
  sums.entries = static_cast<double>(csc_entries(values, channels, rows * columns));
  sums.pointer_bits = pointer_bits_of(sums.entries, static_cast<double>(rows * columns));
  return sums;
}

ZeroMeter::ZeroMeter(const Workload& workload, const Tensor* weights)
    : workload_(workload), counter_(workload.shape, weights) {
  if (weights == nullptr) return;
  const auto codes = weights->values<int16_t>();
  Sums& sums = sums_[index_of(Operand::weight)];
  sums = sums_of(codes, workload.shape.out_channels, 1, weights->size() / workload.shape.out_channels);
  sums.mask_bits = 16.0 * static_cast<double>(sparsity_map_words({weights->size(), 1, 1}));
}

void ZeroMeter::add(const Tensor& input, const Tensor* output) {
  const ConvolutionShape& shape = workload_.shape;
  const MacCounts macs = counter_.count(input);
  macs_ += static_cast<double>(macs.dense);
  input_macs_ += static_cast<double>(macs.nonzero_input);
  both_macs_ += static_cast<double>(macs.nonzero);
  for (int64_t n = 0; n < shape.batch; ++n) {
    const Padded padded(shape, input.values<int16_t>(), n);
    sums_[index_of(Operand::input)].add(
        sums_of(padded.values, shape.in_channels, padded.rows, padded.columns));
  }
  if (output == nullptr || output->type() != DataType::int16 || output->size() == 0) return;
  const int64_t channels = shape.out_channels;
  const int64_t places = output->size() / channels;
  const bool is_map = output->rank() == 4 && output->dim(0) == 1 && output->dim(1) == channels;
  sums_[index_of(Operand::output)].add(
      is_map ? sums_of(output->values<int16_t>(), channels, output->dim(2), output->dim(3))
             : sums_of(output->values<int16_t>(), channels, places, 1));
}

ZeroMeter& ZeroMeter::operator+=(const ZeroMeter& other) {
  DELTAHOP_CHECK(workload_.shape == other.workload_.shape);
  for (const Operand operand : {Operand::input, Operand::output})
    sums_[index_of(operand)].add(other.sums_[index_of(operand)]);
  macs_ += other.macs_, input_macs_ += other.input_macs_, both_macs_ += other.both_macs_;
  return *this;
}

std::optional<LayerZeros> ZeroMeter::zeros() const {
  if (!(macs_ > 0)) return std::nullopt;
  LayerZeros zeros;
  for (const Operand operand : kAllOperands) {
    if (sums_[index_of(operand)].values > 0)
      zeros.operands[index_of(operand)] = sums_[index_of(operand)].zeros();
  }
  zeros.weight_macs = zeros.of(Operand::weight).density;  // every weight meets as many inputs
  zeros.input_macs = input_macs_ / macs_;
  zeros.both_macs = both_macs_ / macs_;
  return zeros;
}

}  // namespace deltahop
