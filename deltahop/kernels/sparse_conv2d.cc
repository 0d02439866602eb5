// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/sparse_conv2d.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <vector>

namespace deltahop {

template <class T>
struct SparseConvolution<T>::State {
  ConvolutionShape shape;
  std::vector<Weight> weights;
  std::vector<Sum> bias;
  Output output;
  MaximumPooling pooling;
  std::vector<Sum> sums;  // scratch
};

namespace {

// The range of outputs [begin, end) that read the input through a tap.
struct Reach {
  int64_t begin = 0, end = 0;
  Reach(int64_t in, int64_t out, int64_t stride, int64_t offset) {
    begin = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
    end = in <= offset ? 0 : std::min(out, (in - 1 - offset) / stride + 1);
    end = std::max(begin, end);
  }
};

Reach reach_of_row(const ConvolutionShape& shape, int64_t r) {
  return {shape.in_rows, shape.out_rows, shape.stride_rows, r * shape.dilation_rows - shape.pad_top};
}
Reach reach_of_column(const ConvolutionShape& shape, int64_t s) {
  return {shape.in_columns, shape.out_columns, shape.stride_columns,
          s * shape.dilation_columns - shape.pad_left};
}

uint8_t stored(int32_t sum, const CodeOutput& rule) {
  const int64_t code = fit(shift_rounded(sum, rule.shift, rule.rounding), rule.format, rule.overflow);
  return static_cast<uint8_t>(rule.relu ? std::max<int64_t>(code, 0) : code);
}
float stored(float sum, const FloatOutput& rule) { return rule.relu ? std::max(sum, 0.0f) : sum; }

}  // namespace

template <class T>
SparseConvolution<T>::SparseConvolution(const ConvolutionShape& shape, std::span<const Weight> weights,
                                        std::span<const Sum> bias, const Output& output,
                                        const MaximumPooling& pooling)
    : state_(std::make_unique<State>()) {
  DELTAHOP_CHECK(shape.batch == 1 && shape.groups > 0 && shape.in_channels % shape.groups == 0 &&
                 shape.out_channels % shape.groups == 0);
  DELTAHOP_CHECK(static_cast<int64_t>(weights.size()) == shape.out_channels * shape.kernel_size());
  DELTAHOP_CHECK(bias.empty() || static_cast<int64_t>(bias.size()) == shape.out_channels);
  DELTAHOP_CHECK(sums_fit(shape, weights, bias));
  if constexpr (kIsInteger) {
    DELTAHOP_CHECK(output.format.total_bits <= 8 && (output.relu || !output.format.is_signed));
    DELTAHOP_CHECK(output.shift >= -16 && output.shift < 32);
  }
  state_->shape = shape;
  state_->weights.assign(weights.begin(), weights.end());
  state_->bias.assign(bias.begin(), bias.end());
  state_->output = output;
  state_->pooling = pooling;
}

template <class T>
SparseConvolution<T>::SparseConvolution(SparseConvolution&&) noexcept = default;
template <class T>
SparseConvolution<T>& SparseConvolution<T>::operator=(SparseConvolution&&) noexcept = default;
template <class T>
SparseConvolution<T>::~SparseConvolution() = default;

template <class T>
bool SparseConvolution<T>::sums_fit(const ConvolutionShape& shape, std::span<const Weight> weights,
                                    std::span<const Sum> bias) {
  if constexpr (kIsInteger) {
    const auto size = static_cast<size_t>(shape.kernel_size());
    for (size_t k = 0; k < static_cast<size_t>(shape.out_channels); ++k) {
      int64_t low = bias.empty() ? 0 : bias[k], high = low;
      for (const int8_t weight : weights.subspan(k * size, size)) {
        (weight < 0 ? low : high) += int64_t{weight} * std::numeric_limits<uint8_t>::max();
      }
      if (low < std::numeric_limits<int32_t>::min() || high > std::numeric_limits<int32_t>::max())
        return false;
    }
  }
  return true;
}

template <class T>
int64_t SparseConvolution<T>::out_rows() const {
  return state_->pooling.exists() ? state_->pooling.out_rows : state_->shape.out_rows;
}
template <class T>
int64_t SparseConvolution<T>::out_columns() const {
  return state_->pooling.exists() ? state_->pooling.out_columns : state_->shape.out_columns;
}
template <class T>
int64_t SparseConvolution<T>::out_channels() const {
  return state_->shape.out_channels;
}

template <class T>
void SparseConvolution<T>::run(const CompressedMap<T>& input, CompressedMap<T>& output, RowWorkers& workers,
                               ConvolutionPath path, int64_t first_channel) {
  const ConvolutionShape& shape = state_->shape;
  const MaximumPooling& pooling = state_->pooling;
  DELTAHOP_CHECK(first_channel % CompressedMap<T>::kBlock == 0 &&
                 output.channels() >= first_channel + shape.out_channels);
  DELTAHOP_CHECK(output.rows() == out_rows() && output.columns() == out_columns());
  state_->sums.resize(static_cast<size_t>(shape.out_rows * shape.out_columns * shape.out_channels));
  sums(input, state_->sums, workers, path);
  const auto code = [&](int64_t p, int64_t q, int64_t k) {
    const int64_t at = (p * shape.out_columns + q) * shape.out_channels + k;
    return stored(state_->sums[static_cast<size_t>(at)], state_->output);
  };
  const auto pooled = [&](int64_t p, int64_t q, int64_t k) {
    T best = std::numeric_limits<T>::lowest();
    for (int64_t r = 0; r < pooling.rows; ++r) {
      for (int64_t s = 0; s < pooling.columns; ++s) {
        const int64_t row = p * pooling.stride_rows + r - pooling.pad_top;
        const int64_t column = q * pooling.stride_columns + s - pooling.pad_left;
        if (row < 0 || row >= shape.out_rows || column < 0 || column >= shape.out_columns) continue;
        best = std::max(best, code(row, column, k));
      }
    }
    return best;
  };
  for (int64_t k = 0; k < shape.out_channels; k += CompressedMap<T>::kBlock) {
    const int64_t block = (first_channel + k) / CompressedMap<T>::kBlock;
    const int64_t channels = std::min(CompressedMap<T>::kBlock, shape.out_channels - k);
    for (int64_t p = 0; p < out_rows(); ++p) {
      T* values = output.values(block, p);
      for (int64_t q = 0; q < out_columns(); ++q) {
        uint64_t bitmap = 0;
        for (int64_t i = 0; i < channels; ++i) {
          const T value = pooling.exists() ? pooled(p, q, k + i) : code(p, q, k + i);
          if (value == T{0}) continue;
          bitmap |= uint64_t{1} << i;
          *values++ = value;
        }
        output.bitmaps(block, p)[q] = bitmap;
      }
    }
  }
}

template <class T>
void SparseConvolution<T>::sums(const CompressedMap<T>& input, std::span<Sum> sums, RowWorkers&,
                                ConvolutionPath) {
  const ConvolutionShape& shape = state_->shape;
  DELTAHOP_CHECK(input.rows() == shape.in_rows && input.columns() == shape.in_columns &&
                 input.channels() == shape.in_channels);
  const int64_t channels = shape.in_channels_per_group(), outs = shape.out_channels_per_group();
  std::vector<T> dense(static_cast<size_t>(shape.in_rows * shape.in_columns * shape.in_channels));
  expand(input, ChannelOrder::last, std::span<T>(dense));
  size_t index = 0;
  for (int64_t p = 0; p < shape.out_rows; ++p) {
    for (int64_t q = 0; q < shape.out_columns; ++q) {
      for (int64_t k = 0; k < shape.out_channels; ++k) {
        Sum sum = state_->bias.empty() ? Sum{0} : state_->bias[static_cast<size_t>(k)];
        for (int64_t r = 0; r < shape.kernel_rows; ++r) {
          for (int64_t s = 0; s < shape.kernel_columns; ++s) {
            const int64_t row = p * shape.stride_rows + r * shape.dilation_rows - shape.pad_top;
            const int64_t column = q * shape.stride_columns + s * shape.dilation_columns - shape.pad_left;
            if (row < 0 || row >= shape.in_rows || column < 0 || column >= shape.in_columns) continue;
            const T* const x =
                dense.data() + (row * shape.in_columns + column) * shape.in_channels + k / outs * channels;
            const Weight* const w =
                state_->weights.data() + ((k * channels) * shape.kernel_rows + r) * shape.kernel_columns + s;
            for (int64_t c = 0; c < channels; ++c) {
              sum +=
                  static_cast<Sum>(x[c]) * static_cast<Sum>(w[c * shape.kernel_rows * shape.kernel_columns]);
            }
          }
        }
        sums[index++] = sum;
      }
    }
  }
}

template <class T>
int64_t SparseConvolution<T>::executed_macs(const CompressedMap<T>& input) const {
  const ConvolutionShape& shape = state_->shape;
  // How many taps read each row, and each column.
  std::vector<int64_t> rows(static_cast<size_t>(shape.in_rows)),
      columns(static_cast<size_t>(shape.in_columns));
  for (int64_t r = 0; r < shape.kernel_rows; ++r) {
    const Reach reach = reach_of_row(shape, r);
    for (int64_t p = reach.begin; p < reach.end; ++p)
      ++rows[static_cast<size_t>(p * shape.stride_rows + r * shape.dilation_rows - shape.pad_top)];
  }
  for (int64_t s = 0; s < shape.kernel_columns; ++s) {
    const Reach reach = reach_of_column(shape, s);
    for (int64_t q = reach.begin; q < reach.end; ++q)
      ++columns[static_cast<size_t>(q * shape.stride_columns + s * shape.dilation_columns - shape.pad_left)];
  }
  int64_t macs = 0;
  for (int64_t block = 0; block < input.blocks(); ++block) {
    for (int64_t row = 0; row < shape.in_rows; ++row) {
      const uint64_t* const bitmaps = input.bitmaps(block, row);
      for (int64_t column = 0; column < shape.in_columns; ++column) {
        macs += std::popcount(bitmaps[column]) * rows[static_cast<size_t>(row)] *
                columns[static_cast<size_t>(column)];
      }
    }
  }
  return macs * shape.out_channels_per_group();
}

template <class T>
int64_t SparseConvolution<T>::dense_macs() const {
  const ConvolutionShape& shape = state_->shape;
  int64_t rows = 0, columns = 0;
  for (int64_t r = 0; r < shape.kernel_rows; ++r)
    rows += reach_of_row(shape, r).end - reach_of_row(shape, r).begin;
  for (int64_t s = 0; s < shape.kernel_columns; ++s)
    columns += reach_of_column(shape, s).end - reach_of_column(shape, s).begin;
  return rows * columns * shape.in_channels_per_group() * shape.out_channels;
}

template <class T>
int64_t SparseConvolution<T>::weight_bytes() const {
  return static_cast<int64_t>(state_->weights.size() * sizeof(Weight));
}

template class SparseConvolution<uint8_t>;
template class SparseConvolution<float>;

}  // namespace deltahop
