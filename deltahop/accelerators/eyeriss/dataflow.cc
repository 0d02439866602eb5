// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/eyeriss/dataflow.h"

#include <algorithm>

#include "deltahop/base/error.h"
#include "deltahop/kernels/conv2d.h"

namespace deltahop::eyeriss {
namespace {

// The sums of m filters over n pictures and e output rows, as the buffer holds them, and the passes that
// make them.
class SumBlock {
 public:
  SumBlock(const LayerPlan& plan, const PaddedPictures& pictures, std::span<const int16_t> weights)
      : layer_(plan.layer), mapping_(plan.mapping), pictures_(pictures), weights_(weights) {}

  struct Corner {
    int64_t group, picture, filter, row;  // the first of each; filter within the group
  };
  void begin(const Corner& corner) {
    corner_ = corner;
    pictures_here_ = std::min(mapping_.n, pictures_.pictures - corner.picture);
    filters_here_ = std::min(mapping_.m, layer_.filters - corner.filter);
    rows_here_ = std::min(mapping_.e, layer_.out_rows - corner.row);
    sums_.assign(static_cast<size_t>(pictures_here_ * filters_here_ * rows_here_ * layer_.out_columns), 0);
  }

  void run_passes() {
    for (int64_t c = 0; c < layer_.channels; c += mapping_.pass_channels()) {
      for (int64_t f = 0; f < filters_here_; f += mapping_.pass_filters()) run_pass(c, f);
    }
  }

  template <class Store>
  void drain(Store&& store) const {
    const int64_t* sum = sums_.data();
    for (int64_t n = 0; n < pictures_here_; ++n) {
      for (int64_t f = 0; f < filters_here_; ++f) {
        for (int64_t row = 0; row < rows_here_; ++row) {
          for (int64_t column = 0; column < layer_.out_columns; ++column)
            store(corner_.picture + n, corner_.filter + f, corner_.row + row, column, *sum++);
        }
      }
    }
  }

 private:
  // Set by set: r sets above each other work on q channels each, t on p filters each.
  void run_pass(int64_t first_channel, int64_t first_filter) {
    const int64_t channels_end = std::min(layer_.channels, first_channel + mapping_.pass_channels());
    const int64_t filters_end = std::min(filters_here_, first_filter + mapping_.pass_filters());
    for (int64_t f = first_filter; f < filters_end; f += mapping_.p) {
      for (int64_t c = first_channel; c < channels_end; c += mapping_.q)
        run_set({c, std::min(channels_end, c + mapping_.q)}, {f, std::min(filters_end, f + mapping_.p)});
    }
  }

  struct Span {
    int64_t first, last;
  };
  // Element (i, j) slides row i of the filters along row i + j U of the strip; the sums of a column of
  // elements belong to output row j.
  void run_set(Span channels, Span filters) {
    for (int64_t j = 0; j < rows_here_; ++j) {
      for (int64_t i = 0; i < layer_.kernel_rows; ++i) {
        for (int64_t n = 0; n < pictures_here_; ++n) run_element(channels, filters, i, j, n);
      }
    }
  }

  void run_element(Span channels, Span filters, int64_t i, int64_t j, int64_t n) {
    const int64_t row = (corner_.row + j) * layer_.stride_rows + i;
    for (int64_t f = filters.first; f < filters.last; ++f) {
      int64_t* const sums = sums_.data() + ((n * filters_here_ + f) * rows_here_ + j) * layer_.out_columns;
      for (int64_t c = channels.first; c < channels.last; ++c) {
        const int16_t* const in =
            pictures_.row(corner_.picture + n, corner_.group * layer_.channels + c, row);
        const int64_t filter = corner_.group * layer_.filters + corner_.filter + f;
        const int16_t* const taps =
            weights_.data() +
            ((filter * layer_.channels + c) * layer_.kernel_rows + i) * layer_.kernel_columns;
        for (int64_t s = 0; s < layer_.kernel_columns; ++s) slide(in + s, taps[s], sums);
      }
    }
  }

  void slide(const int16_t* in, int16_t tap, int64_t* sums) const {
    if (layer_.stride_columns == 1) {
      for (int64_t q = 0; q < layer_.out_columns; ++q) sums[q] += int32_t{in[q]} * tap;
    } else {
      for (int64_t q = 0; q < layer_.out_columns; ++q)
        sums[q] += int32_t{in[q * layer_.stride_columns]} * tap;
    }
  }

  const LayerShape& layer_;
  const Mapping& mapping_;
  const PaddedPictures& pictures_;
  std::span<const int16_t> weights_;
  Corner corner_{};
  int64_t pictures_here_ = 0, filters_here_ = 0, rows_here_ = 0;
  std::vector<int64_t> sums_;  // [n][m][e][F]
};

Tensor empty_map(const ConvolutionShape& shape) {
  return Tensor(DataType::int16, {shape.batch, shape.out_channels, shape.out_rows, shape.out_columns});
}

void require_weights(const LayerTrace& trace) {
  if (trace.weights == nullptr)
    throw Error(trace.name, "the trace has no weights, so no output can be computed");
}

}  // namespace

PaddedPictures::PaddedPictures(const LayerPlan& plan, const Tensor& input)
    : pictures(plan.shape.batch),
      channels(plan.shape.in_channels),
      rows(plan.layer.rows_under(plan.layer.out_rows)),
      columns(plan.layer.columns()),
      codes(static_cast<size_t>(pictures * channels * rows * columns), 0) {
  const ConvolutionShape& shape = plan.shape;
  const int16_t* const from = input.values<int16_t>().data();
  const int64_t width = std::min(shape.in_columns, columns - shape.pad_left);
  for (int64_t plane = 0; plane < pictures * channels && width > 0; ++plane) {
    for (int64_t y = 0; y < std::min(shape.in_rows, rows - shape.pad_top); ++y) {
      std::copy_n(from + (plane * shape.in_rows + y) * shape.in_columns, width,
                  codes.data() + (plane * rows + y + shape.pad_top) * columns + shape.pad_left);
    }
  }
}

int16_t stored_word(const EyerissConfig& chip, const LayerPlan& plan, const LayerTrace& trace, int64_t sum) {
  const int64_t word =
      fit(shift_rounded(sum, trace.output_shift(), chip.rounding), {chip.word_bits, 0, true}, chip.overflow);
  return static_cast<int16_t>(plan.relu ? std::max<int64_t>(word, 0) : word);
}

Tensor stored_map(const EyerissConfig& chip, const LayerPlan& plan, const LayerTrace& trace) {
  require_weights(trace);
  const ConvolutionShape& shape = plan.shape;
  const LayerShape& layer = plan.layer;
  const PaddedPictures pictures(plan, *trace.input);
  Tensor map = empty_map(shape);
  int16_t* const out = map.values<int16_t>().data();
  SumBlock block(plan, pictures, trace.weights->values<int16_t>());
  for (int64_t group = 0; group < layer.groups; ++group) {
    const auto store = [&](int64_t n, int64_t f, int64_t row, int64_t column, int64_t sum) {
      const int64_t k = group * layer.filters + f;
      const int64_t bias = trace.bias == nullptr ? 0 : trace.bias->values<int64_t>()[static_cast<size_t>(k)];
      out[((n * shape.out_channels + k) * shape.out_rows + row) * shape.out_columns + column] =
          stored_word(chip, plan, trace, sum + bias);
    };
    for (int64_t n = 0; n < shape.batch; n += plan.mapping.n) {
      for (int64_t row = 0; row < layer.out_rows; row += plan.mapping.e) {
        for (int64_t f = 0; f < layer.filters; f += plan.mapping.m) {
          block.begin({group, n, f, row});
          block.run_passes();
          block.drain(store);
        }
      }
    }
  }
  return map;
}

Tensor quick_map(const EyerissConfig& chip, const LayerPlan& plan, const LayerTrace& trace) {
  require_weights(trace);
  Tensor map = empty_map(plan.shape);
  std::vector<int64_t> sums(static_cast<size_t>(map.size()));
  const std::span<const int64_t> bias =
      trace.bias == nullptr ? std::span<const int64_t>() : trace.bias->values<int64_t>();
  convolve(plan.shape, trace.input->values<int16_t>(), trace.weights->values<int16_t>(), bias, sums, 1);
  std::transform(sums.begin(), sums.end(), map.values<int16_t>().begin(),
                 [&](int64_t sum) { return stored_word(chip, plan, trace, sum); });
  return map;
}

}  // namespace deltahop::eyeriss
