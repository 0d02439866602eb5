// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/sparse_conv2d.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <optional>
#include <vector>

#include "deltahop/kernels/dense_path.h"
#include "deltahop/kernels/sparse_path.h"

namespace deltahop {

using sparse_blocks::kBlock;
using sparse_blocks::Strip;

template <class T>
struct SparseConvolution<T>::State {
  // One thread's.
  struct Scratch {
    sparse_blocks::Buffer<Sum> sums;
    sparse_blocks::Buffer<T> rows, pooled;
    std::vector<int64_t> places;
    std::vector<const T*> window;
  };

  ConvolutionShape shape;
  std::vector<Weight> weights;
  std::vector<Sum> bias;                // as given
  sparse_blocks::Buffer<Sum> all_bias;  // [blocks * 64]
  Output output;
  MaximumPooling pooling;
  std::optional<sparse_blocks::SparsePath<T>> sparse;  // made when they are needed
  std::optional<sparse_blocks::DensePath<T>> dense;
  std::vector<Scratch> scratch;
  bool has_bytes = kIsInteger && sparse_blocks::has_byte_products();

  int64_t blocks() const { return (shape.out_channels + kBlock - 1) / kBlock; }
  // Blocks that are summed together.
  int64_t together(ConvolutionPath path) const {
    return path == ConvolutionPath::sparse ? sparse_blocks::SparsePath<T>::blocks_together(shape, has_bytes)
                                           : 1;
  }
  std::vector<Strip> strips(const MaximumPooling& pooled, ConvolutionPath path, int threads) const {
    return sparse_blocks::cut_into_strips(shape, pooled, together(path) * kBlock, sizeof(Sum), threads);
  }
  // Calls finish(sums, block, strip, scratch) with the sums of every block and strip.
  template <class Finish>
  void for_each_strip(const CompressedMap<T>& input, const std::vector<Strip>& strips, RowWorkers& workers,
                      ConvolutionPath path, const Finish& finish);
  void pack(const T* pixels, int64_t columns, CompressedMap<T>& map, int64_t map_block, int64_t row) const {
    if constexpr (kIsInteger) {
      if (has_bytes) {
        return sparse_blocks::vnni::pack(pixels, columns, map.bitmaps(map_block, row),
                                         map.values(map_block, row));
      }
    }
    sparse_blocks::pack(pixels, columns, map.bitmaps(map_block, row), map.values(map_block, row));
  }
  void store(const Sum* sums, int64_t block, const Strip& strip, CompressedMap<T>& map, int64_t map_block,
             Scratch& mine) const;
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

}  // namespace

template <class T>
SparseConvolution<T>::SparseConvolution(const ConvolutionShape& shape, std::span<const Weight> weights,
                                        std::span<const Sum> bias, const Output& output,
                                        const MaximumPooling& pooling)
    : state_(std::make_unique<State>()) {
  DELTAHOP_CHECK(shape.batch == 1);
  DELTAHOP_CHECK(shape.out_rows > 0 && shape.out_columns > 0 && shape.pad_top >= 0 && shape.pad_left >= 0);
  DELTAHOP_CHECK(shape.groups > 0 && shape.in_channels % shape.groups == 0 &&
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
  Sum* const all_bias = state_->all_bias.reserve(state_->blocks() * kBlock);
  std::fill_n(all_bias, state_->blocks() * kBlock, Sum{0});
  std::copy(bias.begin(), bias.end(), all_bias);
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
template <class Finish>
void SparseConvolution<T>::State::for_each_strip(const CompressedMap<T>& input,
                                                 const std::vector<Strip>& strips, RowWorkers& workers,
                                                 ConvolutionPath path, const Finish& finish) {
  DELTAHOP_CHECK(input.rows() == shape.in_rows && input.columns() == shape.in_columns &&
                 input.channels() == shape.in_channels);
  if (path == ConvolutionPath::sparse) {
    if (!sparse) sparse.emplace(shape, weights, has_bytes);
    sparse->prepare(input, workers);
  } else {
    if (!dense) dense.emplace(shape, weights);
    dense->prepare(input, workers);
  }
  if (scratch.size() < static_cast<size_t>(workers.threads())) {
    scratch.resize(static_cast<size_t>(workers.threads()));
  }
  const int64_t count = static_cast<int64_t>(strips.size()), each = together(path);
  sparse_blocks::for_each(workers, (blocks() + each - 1) / each * count, [&](int64_t i, int piece) {
    const int64_t unit = i / count;
    const Strip& strip = strips[static_cast<size_t>(i % count)];
    const int64_t size = (strip.end - strip.begin) * shape.out_columns * kBlock;
    Scratch& mine = scratch[static_cast<size_t>(piece)];
    Sum* const sums = mine.sums.reserve(each * size);
    if (path == ConvolutionPath::sparse) {
      sparse->sum(unit, strip, sums);
    } else {
      dense->sum(unit, strip, sums, mine.places);
    }
    for (int64_t block = unit * each; block < std::min((unit + 1) * each, blocks()); ++block) {
      finish(sums + (block - unit * each) * size, block, strip, mine);
    }
  });
}

// Rounds, pools and packs the rows of a strip.
template <class T>
void SparseConvolution<T>::State::store(const Sum* sums, int64_t block, const Strip& strip,
                                        CompressedMap<T>& map, int64_t map_block, Scratch& mine) const {
  const int64_t columns = shape.out_columns, row_size = columns * kBlock;
  const Sum* const block_bias = all_bias.data() + block * kBlock;
  if (!pooling.exists()) {
    T* const row = mine.rows.reserve(row_size);
    for (int64_t p = strip.begin; p < strip.end; ++p) {
      sparse_blocks::finish(sums + (p - strip.begin) * row_size, columns, block_bias, output, row);
      pack(row, columns, map, map_block, p);
    }
    return;
  }
  T* const rows = mine.rows.reserve((strip.end - strip.begin) * row_size);
  T* const pooled = mine.pooled.reserve(pooling.out_columns * kBlock);
  sparse_blocks::finish(sums, (strip.end - strip.begin) * columns, block_bias, output, rows);
  for (int64_t p = strip.stored_begin; p < strip.stored_end; ++p) {
    const int64_t top = p * pooling.stride_rows - pooling.pad_top;
    mine.window.clear();
    for (int64_t y = std::max(top, strip.begin); y < std::min(top + pooling.rows, strip.end); ++y) {
      mine.window.push_back(rows + (y - strip.begin) * row_size);
    }
    sparse_blocks::pool(
        {mine.window.data(), static_cast<int64_t>(mine.window.size()), columns, &pooling, pooled});
    pack(pooled, pooling.out_columns, map, map_block, p);
  }
}

template <class T>
void SparseConvolution<T>::run(const CompressedMap<T>& input, CompressedMap<T>& output, RowWorkers& workers,
                               ConvolutionPath path, int64_t first_channel) {
  State& state = *state_;
  DELTAHOP_CHECK(first_channel % kBlock == 0 && output.channels() >= first_channel + out_channels());
  DELTAHOP_CHECK(output.rows() == out_rows() && output.columns() == out_columns());
  DELTAHOP_CHECK(&input != &output);
  const auto strips = state.strips(state.pooling, path, workers.threads());
  state.for_each_strip(
      input, strips, workers, path,
      [&](const Sum* sums, int64_t block, const Strip& strip, typename State::Scratch& mine) {
        state.store(sums, block, strip, output, first_channel / kBlock + block, mine);
      });
}

template <class T>
void SparseConvolution<T>::sums(const CompressedMap<T>& input, std::span<Sum> sums, RowWorkers& workers,
                                ConvolutionPath path) {
  State& state = *state_;
  const ConvolutionShape& shape = state.shape;
  DELTAHOP_CHECK(static_cast<int64_t>(sums.size()) ==
                 shape.out_rows * shape.out_columns * shape.out_channels);
  const auto strips = state.strips({}, path, workers.threads());
  state.for_each_strip(input, strips, workers, path,
                       [&](const Sum* from, int64_t block, const Strip& strip, typename State::Scratch&) {
                         const int64_t first = block * kBlock;
                         const int64_t channels = std::min(kBlock, shape.out_channels - first);
                         const Sum* const bias = state.all_bias.data() + first;
                         for (int64_t i = strip.begin * shape.out_columns; i < strip.end * shape.out_columns;
                              ++i, from += kBlock) {
                           Sum* const to = sums.data() + i * shape.out_channels + first;
                           for (int64_t k = 0; k < channels; ++k) to[k] = from[k] + bias[k];
                         }
                       });
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
