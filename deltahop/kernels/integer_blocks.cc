// SPDX-License-Identifier: Apache-2.0
// The exact 16-bit convolution, per instruction set: a tile of 6 outputs by two vectors of out channels stays
// in registers while the reduction runs; an input pair is broadcast, a weight vector holds one pair for each
// out channel.
#include "deltahop/kernels/integer_blocks.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "deltahop/kernels/integer_blocks.cc"
#include <hwy/foreach_target.h>  // before highway.h
#include <hwy/highway.h>

#include "deltahop/kernels/integer_lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace deltahop::integer_blocks::HWY_NAMESPACE {
// Cuts the runs into pieces whose sums provably fit 32 bits. With inputs of one sign a sum lies between
// -largest * (sum of |negative weights|) and largest * (sum of positive weights); otherwise its magnitude is
// below largest * L1 norm.
HWY_ATTR void cut_into_pieces(PackedBlock& block, const InputRange& range) {
  const int64_t most = std::numeric_limits<int32_t>::max();
  // Half the 32-bit range, so that one more pair cannot wrap the proof itself.
  const int32_t limit =
      static_cast<int32_t>(std::min(most / std::max<int64_t>(range.largest(), 1), most / 2));
  Proof proof = empty_proof();
  std::vector<Run> cut;
  const int16_t* weights = block.weights.data();
  for (const Run& run : block.runs) {
    int64_t start = 0;
    for (int64_t pair = 0; pair < run.pairs; ++pair, weights += 2 * block_channels()) {
      add_to_proof(proof, weights);
      if (!exceeds(proof, limit, range.one_sided())) continue;
      if (pair > start) {
        cut.push_back({run.offset + 2 * start, pair - start, RunEnd::piece});
        start = pair;
      } else if (!cut.empty()) {
        cut.back().end = RunEnd::piece;
      }
      proof = empty_proof();
      add_to_proof(proof, weights);
    }
    if (run.pairs > start) cut.push_back({run.offset + 2 * start, run.pairs - start, RunEnd::goes_on});
  }
  int64_t pieces = 0;
  for (Run& run : cut) {
    if (run.end == RunEnd::piece && ++pieces % kPiecesPerChunk == 0) run.end = RunEnd::chunk;
  }
  if (!cut.empty()) cut.back().end = RunEnd::chunk;
  block.runs = std::move(cut);
}

// Walks over outputs, counted over N, P and Q, without dividing at every step.
struct Cursor {
  Cursor(const Job& job, int64_t output)
      : shape(*job.shape),
        image(*job.image),
        n(output / (shape.out_rows * shape.out_columns)),
        row(output / shape.out_columns % shape.out_rows),
        column(output % shape.out_columns) {}
  // Where the inputs of this output begin.
  const int16_t* base() const {
    const int64_t pixel =
        (n * image.rows + row * shape.stride_rows) * image.columns + column * shape.stride_columns;
    return image.values.data() + pixel * image.channels;
  }
  // Where this output of channel 0 is stored.
  int64_t place() const {
    return (n * shape.out_channels * shape.out_rows + row) * shape.out_columns + column;
  }
  void step() {
    if (++column < shape.out_columns) return;
    column = 0;
    if (++row < shape.out_rows) return;
    row = 0;
    ++n;
  }
  const ConvolutionShape& shape;
  const ChannelLastImage& image;
  int64_t n, row, column;
};

// places: of the tile's outputs in channel 0.
void store_tile(const Job& job, const std::array<int64_t, kTile>& places, int64_t count,
                const int64_t* totals) {
  const int64_t plane = job.shape->out_rows * job.shape->out_columns;
  const int64_t row = block_channels();
  const bool contiguous = count == kTile && places[kTile - 1] == places[0] + kTile - 1;
  for (int64_t k = 0; k < job.channels; ++k) {
    const int64_t channel = job.first_channel + k;
    const int64_t bias = job.bias != nullptr ? job.bias[channel] : 0;
    const int64_t* const from = totals + k;
    int64_t* const to = job.output + channel * plane;
    if (contiguous) {
      int64_t* const first = to + places[0];
      for (int64_t i = 0; i < kTile; ++i) first[i] = from[i * row] + bias;
    } else {
      for (int64_t i = 0; i < count; ++i) to[places[static_cast<size_t>(i)]] = from[i * row] + bias;
    }
  }
}

void convolve_tiles(const Job& job, const PackedBlock& block) {
  const ConvolutionShape& shape = *job.shape;
  const int64_t group_offset =
      job.first_channel / shape.out_channels_per_group() * shape.in_channels_per_group();
  std::vector<int64_t> totals(static_cast<size_t>(kTile * block_channels()));
  std::array<const int16_t*, kTile> bases;
  std::array<int64_t, kTile> places;
  Cursor cursor(job, job.begin);
  for (int64_t first = job.begin; first < job.end; first += kTile) {
    const int64_t count = std::min(kTile, job.end - first);
    for (size_t i = 0; i < kTile; ++i) {
      const bool there = static_cast<int64_t>(i) < count;
      bases[i] = there ? cursor.base() + group_offset : bases[0];
      places[i] = there ? cursor.place() : places[0];
      if (there) cursor.step();
    }
    std::fill(totals.begin(), totals.end(), 0);
    sum_tile(bases, block, totals.data());
    store_tile(job, places, count, totals.data());
  }
}

void depthwise_lanes(const Job& job, int64_t first_channel, int64_t channels) {
  const ConvolutionShape& shape = *job.shape;
  const ChannelLastImage& image = *job.image;
  const int64_t lanes = block_channels(), taps = shape.kernel_rows * shape.kernel_columns;
  std::vector<int64_t> offsets;
  for (int64_t r = 0; r < shape.kernel_rows; ++r) {
    for (int64_t s = 0; s < shape.kernel_columns; ++s) {
      offsets.push_back((r * shape.dilation_rows * image.columns + s * shape.dilation_columns) *
                        image.channels);
    }
  }
  std::vector<int16_t> weights(static_cast<size_t>(taps * lanes), 0);
  bool fits = true;
  for (int64_t k = 0; k < channels; ++k) {
    int64_t norm = 0;
    for (int64_t tap = 0; tap < taps; ++tap) {
      const int16_t weight = job.weights[(first_channel + k) * taps + tap];
      weights[static_cast<size_t>(tap * lanes + k)] = weight;
      norm += std::abs(int64_t{weight});
    }
    fits = fits && norm * job.range.largest() <= std::numeric_limits<int32_t>::max();
  }
  std::vector<int64_t> totals(static_cast<size_t>(lanes));
  Cursor cursor(job, job.begin);
  for (int64_t output = job.begin; output < job.end; ++output, cursor.step()) {
    std::fill(totals.begin(), totals.end(), 0);
    sum_depthwise(cursor.base() + first_channel, offsets, weights.data(), fits, totals.data());
    for (int64_t k = 0; k < channels; ++k) {
      const int64_t channel = first_channel + k;
      const int64_t bias = job.bias != nullptr ? job.bias[channel] : 0;
      job.output[cursor.place() + channel * shape.out_rows * shape.out_columns] =
          totals[static_cast<size_t>(k)] + bias;
    }
  }
}

void depthwise(const Job& job) {
  const int64_t lanes = block_channels();
  for (int64_t done = 0; done < job.channels; done += lanes) {
    depthwise_lanes(job, job.first_channel + done, std::min(lanes, job.channels - done));
  }
}

}  // namespace deltahop::integer_blocks::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace deltahop::integer_blocks {
HWY_EXPORT(block_channels);
HWY_EXPORT(cut_into_pieces);
HWY_EXPORT(convolve_tiles);
HWY_EXPORT(depthwise);
HWY_EXPORT(dot_product);

namespace {

// Weights [first_in, end_in) of one stretch of inputs: its element e belongs to in channel e % channels of
// the kernel column first_column + e / channels.
struct Stretch {
  int64_t kernel_row, first_column, columns;
  int16_t* to;
};

void pack_stretch(const Job& job, const Stretch& stretch, int64_t first_in, int64_t end_in, int64_t width) {
  const ConvolutionShape& shape = *job.shape;
  const int64_t channels = shape.in_channels_per_group(), taps = shape.kernel_rows * shape.kernel_columns;
  const int16_t* const from = job.weights + job.first_channel * channels * taps +
                              stretch.kernel_row * shape.kernel_columns + stretch.first_column;
  for (int64_t s = 0; s < stretch.columns; ++s) {
    for (int64_t c = first_in; c < end_in; ++c) {
      const int64_t element = s * channels + c;
      int16_t* const pair = stretch.to + element / 2 * 2 * width + element % 2;
      const int16_t* const weight = from + c * taps + s;
      for (int64_t k = 0; k < job.channels; ++k) pair[2 * k] = weight[k * channels * taps];
    }
  }
}

}  // namespace

int64_t channels_per_block() { return HWY_DYNAMIC_DISPATCH(block_channels)(); }

void pack(const Job& job, PackedBlock& block) {
  const ConvolutionShape& shape = *job.shape;
  const int64_t width = channels_per_block(), channels = shape.in_channels_per_group();
  // Without groups and dilation a whole kernel row is contiguous in the image.
  const int64_t columns = shape.groups == 1 && shape.dilation_columns == 1 ? shape.kernel_columns : 1;
  const int64_t pairs = (columns * channels + 1) / 2;
  const int64_t runs = shape.kernel_rows * (shape.kernel_columns / columns);
  block.first_channel = job.first_channel;
  block.runs.clear();
  block.weights.assign(static_cast<size_t>(runs * pairs * 2 * width), 0);
  std::vector<Stretch> stretches;
  for (int64_t r = 0; r < shape.kernel_rows; ++r) {
    for (int64_t s = 0; s < shape.kernel_columns; s += columns) {
      const int64_t pixel = r * shape.dilation_rows * job.image->columns + s * shape.dilation_columns;
      int16_t* const to = block.weights.data() + static_cast<int64_t>(stretches.size()) * pairs * 2 * width;
      stretches.push_back({r, s, columns, to});
      block.runs.push_back({pixel * job.image->channels, pairs, RunEnd::goes_on});
    }
  }
  // A few in channels at a time, so that their weights stay in the first cache while the stretches pick
  // theirs.
  constexpr int64_t kChannelsAtOnce = 16;
  for (int64_t first = 0; first < channels; first += kChannelsAtOnce) {
    for (const Stretch& stretch : stretches) {
      pack_stretch(job, stretch, first, std::min(first + kChannelsAtOnce, channels), width);
    }
  }
  HWY_DYNAMIC_DISPATCH(cut_into_pieces)(block, job.range);
}

void convolve_block(const Job& job, const PackedBlock& block) {
  HWY_DYNAMIC_DISPATCH(convolve_tiles)(job, block);
}
void convolve_depthwise(const Job& job) { HWY_DYNAMIC_DISPATCH(depthwise)(job); }
int64_t dot(const int16_t* a, const int16_t* b, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(dot_product)(a, b, count);
}

}  // namespace deltahop::integer_blocks
#endif  // HWY_ONCE
