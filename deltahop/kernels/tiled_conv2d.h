// SPDX-License-Identifier: Apache-2.0
// Dense convolutions from a map whose channels lie beside each other to another one: all products, and bias,
// rounding and ReLU before a sum leaves its register. Narrow layers take more pixels at once in place of more
// channels. Floats; and u8 or s8 times s8 on processors with byte products, exactly as SparseConvolution.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "deltahop/kernels/sparse_blocks.h"
#include "deltahop/kernels/tiled_blocks.h"

namespace deltahop {

// What brings sums to codes of at most 8 bits with tiles' own rounding; none where the rule needs another
// way: it wraps around, or shifts left or far.
std::optional<tiled_blocks::CodeWay> code_way(const CodeOutput& output);

template <class T>
class TiledConvolution {
 public:
  using Weight = typename SparseConvolution<T>::Weight;
  using Sum = typename SparseConvolution<T>::Sum;
  using Output = typename SparseConvolution<T>::Output;

  // Whether this machine and these kernels can run such a layer. Unlike SparseConvolution, codes with a sign
  // need no ReLU.
  static bool can_run(const ConvolutionShape& shape, const Output& output);
  // As for SparseConvolution. With signed inputs, sums must fit for codes up to 255 with 128 taken back.
  TiledConvolution(const ConvolutionShape& shape, std::span<const Weight> weights, std::span<const Sum> bias,
                   const Output& output);

  // input: [H, W, C]; output: [P, Q] pixels of K codes, `stride` apart. has_negative: the bytes are signed.
  // skips: leave out rows of a kernel's window that are zero for some neighbouring outputs at once, which
  // changes no code. Returns the products that were left out, those with the border included.
  int64_t run(const T* input, bool has_negative, T* output, int64_t stride, RowWorkers& workers,
              bool skips = false);
  // All products, those with the border included.
  int64_t products() const;

 private:
  struct Block {
    int64_t first = 0, groups = 1, weights = 0;
  };
  void pack(std::span<const Weight> weights);
  const T* padded(const T* input, bool has_negative);

  ConvolutionShape shape_;
  decltype(tiled_blocks::Tile<T>::way) way_;
  std::vector<Block> blocks_;
  std::vector<int64_t> runs_, places_;
  int64_t run_bytes_ = 0, run_steps_ = 0;  // values of a run; and in what is multiplied at once
  double seconds_ = 0;                     // what a run takes on one thread, about
  sparse_blocks::Buffer<Weight> weights_;
  std::vector<Sum> bias_, bias_of_signed_;  // filled up to whole groups
  bool needs_image_ = false;
  int64_t image_rows_ = 0, image_columns_ = 0;
  sparse_blocks::Buffer<T> image_;  // with its border
  std::optional<bool> image_is_signed_;
};

extern template class TiledConvolution<uint8_t>;
extern template class TiledConvolution<float>;

}  // namespace deltahop
