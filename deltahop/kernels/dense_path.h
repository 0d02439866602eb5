// SPDX-License-Identifier: Apache-2.0
// The sums of a convolution from all activations of a compressed map: bytes in tiles of VNNI products or, on
// other processors, by the exact 16-bit convolution; floats by oneDNN.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "deltahop/kernels/prepared_conv2d.h"
#include "deltahop/kernels/sparse_plan.h"

namespace deltahop::sparse_blocks {

template <class T>
class DensePath {
 public:
  using Weight = typename SparseConvolution<T>::Weight;
  using Sum = typename SparseConvolution<T>::Sum;

  DensePath(const ConvolutionShape& shape, std::span<const Weight> weights);

  void prepare(const CompressedMap<T>& map, RowWorkers& workers);
  // The sums of a strip, [rows, Q, 64]. `places` is scratch. Several threads may call at once.
  void sum(int64_t block, const Strip& strip, Sum* sums, std::vector<int64_t>& places) const;

 private:
  // Bytes that lie beside each other in the image and in the kernel; the taps of a depthwise convolution.
  struct Runs {
    std::vector<int64_t> offsets;
    int64_t quads = 0;  // of each
    int64_t weights = 0;
  };
  void pack_bytes(std::span<const Weight> weights);
  void pack_block(std::span<const Weight> weights, int64_t block);
  void unpack_row(const CompressedMap<T>& map, int64_t row);
  void run_words(const CompressedMap<T>& map, int threads);
  void pack_depthwise(std::span<const Weight> weights);
  bool is_depthwise() const {
    return shape_.in_channels_per_group() == 1 && shape_.out_channels_per_group() == 1;
  }
  bool runs_span_columns() const { return shape_.groups == 1 && shape_.dilation_columns == 1; }

  ConvolutionShape shape_;
  int64_t image_rows_ = 0, image_columns_ = 0;
  Buffer<T> image_;       // [image_rows, image_columns, C]: with its border for bytes
  std::vector<Sum> all_;  // [P, Q, K], where they are computed at once
  bool has_bytes_ = false;
  std::vector<Runs> blocks_;
  Buffer<int8_t> bytes_;
  std::vector<int16_t> words_;
  std::optional<PreparedConvolution> floats_;
};

extern template class DensePath<uint8_t>;
extern template class DensePath<float>;

}  // namespace deltahop::sparse_blocks
