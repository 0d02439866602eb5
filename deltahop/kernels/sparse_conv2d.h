// SPDX-License-Identifier: Apache-2.0
// Convolutions that skip zeros: only activations that are not zero touch weights. In float, and exactly in
// integers: u8 activations times s8 weights, 32-bit sums. What follows is done on the way out: bias, rounding
// to codes, ReLU, maximum pooling and compression.
//   SparseConvolution<uint8_t> layer(shape, weights, bias, rule, {});
//   layer.run(input, output, workers, ConvolutionPath::sparse);
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>

#include "deltahop/kernels/compressed_map.h"
#include "deltahop/kernels/convolution_shape.h"
#include "deltahop/kernels/row_workers.h"
#include "deltahop/tensor/fixed_point.h"

namespace deltahop {

// From a sum to what is stored, as the integer executor does it: sum * 2^-shift by the rounding, fitted into
// the format by the overflow rule, then the ReLU.
struct CodeOutput {
  int shift = 0;                   // fraction bits of the sums minus those of the format; -16..31
  FixedFormat format{8, 0, true};  // at most 8 bits; signed only with a ReLU: what is stored is unsigned
  Rounding rounding = Rounding::half_even;
  Overflow overflow = Overflow::saturate;
  bool relu = true;
};
struct FloatOutput {
  bool relu = true;
};

// Maximum pooling of the convolution's outputs; values beyond their border do not count.
struct MaximumPooling {
  int64_t rows = 1, columns = 1;  // of the window
  int64_t stride_rows = 1, stride_columns = 1;
  int64_t pad_top = 0, pad_left = 0;
  int64_t out_rows = 0, out_columns = 0;  // 0: there is no pooling
  bool exists() const { return out_rows > 0 && out_columns > 0; }
};

// Sparse: by the activations that are not zero. Dense: by all, from the same map to the same result.
enum class ConvolutionPath : uint8_t { sparse, dense };

template <class T>
class SparseConvolution {
  static_assert(std::is_same_v<T, uint8_t> || std::is_same_v<T, float>);

 public:
  static constexpr bool kIsInteger = std::is_same_v<T, uint8_t>;
  using Weight = std::conditional_t<kIsInteger, int8_t, float>;
  using Sum = std::conditional_t<kIsInteger, int32_t, float>;
  using Output = std::conditional_t<kIsInteger, CodeOutput, FloatOutput>;

  // weights: [K, C/groups, R, S]; bias: [K] at the scale of the sums, or empty. shape.batch is 1.
  // Integer sums must fit (see sums_fit).
  SparseConvolution(const ConvolutionShape& shape, std::span<const Weight> weights, std::span<const Sum> bias,
                    const Output& output, const MaximumPooling& pooling);
  SparseConvolution(SparseConvolution&&) noexcept;
  SparseConvolution& operator=(SparseConvolution&&) noexcept;
  ~SparseConvolution();

  // Whether no sum of this layer can leave 32 bits, whatever the activations. Always, for float.
  static bool sums_fit(const ConvolutionShape& shape, std::span<const Weight> weights,
                       std::span<const Sum> bias);

  // Of what run() stores.
  int64_t out_rows() const;
  int64_t out_columns() const;
  int64_t out_channels() const;

  // output: [out_rows, out_columns, at least first_channel + out_channels]. Its channels from first_channel
  // (a multiple of 64) on are written, and to the end of their last block: several layers may write beside
  // each other. Not to be called from two threads at once.
  void run(const CompressedMap<T>& input, CompressedMap<T>& output, RowWorkers& workers, ConvolutionPath path,
           int64_t first_channel = 0);
  // Sums and bias as they are, before Output and pooling: [P, Q, K].
  void sums(const CompressedMap<T>& input, std::span<Sum> sums, RowWorkers& workers, ConvolutionPath path);

  // Products of an activation inside the map that is not zero and a weight: what the sparse path multiplies.
  int64_t executed_macs(const CompressedMap<T>& input) const;
  // The same with every activation.
  int64_t dense_macs() const;
  // Of the weights as given; each path keeps them once more in its own order, made at its first run.
  int64_t weight_bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

extern template class SparseConvolution<uint8_t>;
extern template class SparseConvolution<float>;

}  // namespace deltahop
