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

  // `has_bytes`: what has_byte_products says.
  SparsePath(const ConvolutionShape& shape, std::span<const Weight> weights, bool has_bytes);

  // How many blocks of out channels are summed together: two where their weights are bytes and they read the
  // same, so that a list is gone through once for both.
  static int64_t blocks_together(const ConvolutionShape& shape, bool has_bytes);

  // Makes the lists of a map, before sums are taken.
  void prepare(const CompressedMap<T>& map, RowWorkers& workers);
  // The sums of a strip, [blocks, rows, Q, 64], for blocks blocks_together() * unit and what is taken with
  // it. Several threads may call at once.
  void sum(int64_t unit, const Strip& strip, Sum* sums) const;

 private:
  struct Chunk {
    ChannelRange channels;
    ChunkLists<T> lists;
  };
  struct Unit {
    size_t first_chunk = 0, chunks = 0;
    int64_t channels = kBlock;  // of a row of weights
    int64_t weights = 0;        // where they begin
  };
  template <class W>
  void pack(std::span<const Weight> weights, const int64_t (&places)[kBlock], Buffer<W>& packed);
  // `pass` holds what all taps share.
  template <class W>
  void run_chunk(const Chunk& chunk, const Strip& strip, Pass<T, W, Sum> pass) const;
  template <class W>
  void run_unit(const Unit& unit, const W* weights, const Strip& strip, Sum* sums) const;

  ConvolutionShape shape_;
  std::vector<Chunk> chunks_;
  std::vector<Unit> units_;
  int64_t weight_count_ = 0;
  bool has_bytes_ = false;
  Buffer<int8_t> bytes_;
  Buffer<int16_t> words_;
  Buffer<float> floats_;
  std::vector<int64_t> taps_;  // where each leads, in the places of lists
};

extern template class SparsePath<uint8_t>;
extern template class SparsePath<float>;

}  // namespace deltahop::sparse_blocks
