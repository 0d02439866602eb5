// SPDX-License-Identifier: Apache-2.0
// The sums of a convolution from the activations that are not zero.
#pragma once

#include <span>
#include <vector>

#include "deltahop/kernels/sparse_plan.h"

namespace deltahop::sparse_blocks {

template <class T>
class SparsePath {
 public:
  using Weight = typename SparseConvolution<T>::Weight;
  using Sum = typename SparseConvolution<T>::Sum;

  SparsePath(const ConvolutionShape& shape, std::span<const Weight> weights);

  // Makes the lists of a map, before sums are taken.
  void prepare(const CompressedMap<T>& map, RowWorkers& workers);
  // The sums of a strip, [rows, Q, 64]. Several threads may call at once.
  void sum(int64_t block, const Strip& strip, Sum* sums) const;

 private:
  struct Chunk {
    ChannelRange channels;
    ChunkLists<T> lists;
  };
  struct Block {
    size_t first_chunk = 0, chunks = 0;
    int64_t weights = 0;  // where they begin
  };
  template <class W>
  void pack(std::span<const Weight> weights, const int64_t (&places)[kBlock], Buffer<W>& packed);
  template <class W>
  void run_chunk(const Chunk& chunk, const W* weights, const Strip& strip, Sum* sums, bool is_first) const;

  ConvolutionShape shape_;
  std::vector<Chunk> chunks_;
  std::vector<Block> blocks_;
  int64_t weight_count_ = 0;
  bool has_bytes_ = false;  // the weights of byte products
  Buffer<int8_t> bytes_;
  Buffer<int16_t> words_;
  Buffer<float> floats_;
  std::vector<int64_t> taps_;  // where each leads, in the places of lists
};

extern template class SparsePath<uint8_t>;
extern template class SparsePath<float>;

}  // namespace deltahop::sparse_blocks
