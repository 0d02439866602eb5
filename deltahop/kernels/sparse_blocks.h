// SPDX-License-Identifier: Apache-2.0
// The inner loops of sparse_conv2d.cc, compiled for every instruction set (sparse_blocks.cc; the way out in
// sparse_output.cc) and once more for byte products (sparse_blocks_vnni.cc).
//
// Out channels are taken 64 at a time. Weights lie as [block][chunk][tap][in channel of the chunk][64]: the
// rows of some taps and one chunk stay in the first-level cache while all outputs pass. An output's 64 sums
// stay in registers while the lists of the pixels that these taps read are gone through: the activations that
// are not zero, each with the place of its row of weights.
#pragma once

#include <cstdint>
#include <type_traits>

#include <hwy/aligned_allocator.h>

#include "deltahop/kernels/sparse_conv2d.h"

namespace deltahop::sparse_blocks {

inline constexpr int64_t kBlock = 64;  // out channels, and channels of a bitmap

// Memory that keeps its size; what it holds after growing is undefined.
template <class T>
class Buffer {
 public:
  T* reserve(int64_t count) {
    if (count > capacity_) {
      values_ = hwy::AllocateAligned<T>(static_cast<size_t>(count));
      if (values_ == nullptr) throw Error("", "there is no memory for this convolution");
      capacity_ = count;
    }
    return values_.get();
  }
  T* data() { return values_.get(); }
  const T* data() const { return values_.get(); }

 private:
  hwy::AlignedFreeUniquePtr<T[]> values_;
  int64_t capacity_ = 0;
};

// Lists are filled up with zeros to whole groups: four bytes meet in one product, two floats in two sums.
template <class T>
inline constexpr int64_t kGroup = std::is_same_v<T, uint8_t> ? 4 : 2;
// In channels whose rows of weights (16 and 32 KiB) stay in the first-level cache.
template <class T>
inline constexpr int64_t kChunk = std::is_same_v<T, uint8_t> ? 256 : 128;

// The list of one pixel: groups * kGroup activations from `begin` on.
struct ListPlace {
  uint32_t begin = 0, groups = 0;
};

// The sums of a row of outputs over some taps:
//   sums[64 * o + k] (+)= values[i] * weights[t * tap_weights + offsets[i] + k]
// for k < 64, all taps t and all i of the list at lists[o * step + taps[t]]. Byte products may take two
// blocks of out channels at once: rows hold 128 weights then, and begin at twice their offsets. W: int8_t
// (byte products), int16_t (without them) or float.
template <class T, class W, class Sum>
struct Pass {
  const ListPlace* lists = nullptr;
  int64_t outputs = 0, step = 1;
  const int64_t* taps = nullptr;
  int64_t tap_count = 0, tap_weights = 0;
  const T* values = nullptr;
  const uint16_t* offsets = nullptr;
  const W* weights = nullptr;
  Sum* sums = nullptr;
  Sum* others = nullptr;     // of the second block, where there are two
  bool is_first = false;     // the sums begin at zero
  const W* ahead = nullptr;  // asked for meanwhile, some lines with each output: the weights of the next taps
  int64_t lines_ahead = 0;   // with each output
};
void run(const Pass<uint8_t, int16_t, int32_t>& pass);
void run(const Pass<float, float, float>& pass);

// Where out channel k of a block lies in a row of 16-bit weights on this machine.
void word_order(int64_t (&places)[kBlock]);

// Sums of pixels, 64 each, to what is stored of them.
void finish(const int32_t* sums, int64_t pixels, const int32_t* bias, const CodeOutput& rule, uint8_t* codes);
void finish(const float* sums, int64_t pixels, const float* bias, const FloatOutput& rule, float* values);

// One row of pooled pixels from rows of pixels, 64 channels each. Every window holds at least one pixel.
template <class T>
struct PoolRow {
  const T* const* rows = nullptr;  // those of the window inside the map
  int64_t row_count = 0, columns = 0;
  const MaximumPooling* pooling = nullptr;
  T* to = nullptr;
};
void pool(const PoolRow<uint8_t>& row);
void pool(const PoolRow<float>& row);

// Rows of pixels with 64 channels each, packed into a map's row and back. `channels` are written of each
// pixel, `stride` numbers apart.
void pack(const uint8_t* pixels, int64_t columns, uint64_t* bitmaps, uint8_t* values);
void pack(const float* pixels, int64_t columns, uint64_t* bitmaps, float* values);
template <class T>
struct Unpacking {
  const uint64_t* bitmaps = nullptr;
  const T* values = nullptr;
  int64_t columns = 0, channels = 0, stride = 0;
  T* to = nullptr;
};
void unpack(const Unpacking<uint8_t>& row);
void unpack(const Unpacking<float>& row);

// The lists of one row of pixels, over a range of channels that begins and ends anywhere. A source is one
// block of the map.
template <class T>
struct ListSource {
  const uint64_t* bitmaps = nullptr;  // [columns]
  const T* values = nullptr;
  uint64_t mask = ~uint64_t{0};  // of the channels that belong to the list: neighbours
  int64_t channel = 0;           // number of bit 0 in the list
};
template <class T>
struct ListRow {
  const ListSource<T>* sources = nullptr;
  int64_t source_count = 0, columns = 0;
  T* values = nullptr;          // of all lists; up to 64 more than needed are written
  uint16_t* offsets = nullptr;  // channel number * 64
  uint32_t begin = 0;           // of the first list, in both
  ListPlace* places = nullptr;  // [columns]: written
};
void list(const ListRow<uint8_t>& row);
void list(const ListRow<float>& row);

// Byte products (AVX-512 VNNI), and bytes packed by AVX-512 VBMI2. Asking the processor takes long in a
// virtual machine: ask once.
bool has_byte_products();
namespace vnni {
void run(const Pass<uint8_t, int8_t, int32_t>& pass);
void list(const ListRow<uint8_t>& row);
void pack(const uint8_t* pixels, int64_t columns, uint64_t* bitmaps, uint8_t* values);
void unpack(const Unpacking<uint8_t>& row);

// The dense convolution: runs of neighbouring bytes of an image without borders, four at a time.
struct DenseTile {
  const uint8_t* image = nullptr;
  const int64_t* runs = nullptr;  // where each begins, from the pixel's place
  int64_t run_count = 0, run_quads = 0;
  const int8_t* weights = nullptr;  // [run][quad][64][4]
  const int64_t* places = nullptr;  // of the pixels in the image
  int64_t pixels = 0;
  int32_t* sums = nullptr;  // [pixels, 64]: written
};
void run(const DenseTile& tile);

// 64 channels of a dense depthwise convolution: taps four at a time.
struct DepthwiseTile {
  const uint8_t* image = nullptr;
  const int64_t* taps = nullptr;  // where each leads, from the pixel's place; filled up to whole quads
  int64_t tap_quads = 0;
  const int8_t* weights = nullptr;  // [quad][64][4], channels in the order of channel_of_sum
  const int64_t* places = nullptr;
  int64_t pixels = 0;
  int32_t* sums = nullptr;  // [pixels, 64]: written
};
void run(const DepthwiseTile& tile);
// The channel that belongs to sum i of 64 before they are put in order: bytes are interleaved within 128
// bits.
inline constexpr int64_t channel_of_sum(int64_t i) { return (i >> 2 & 3) << 4 | (i >> 4 & 3) << 2 | (i & 3); }
}  // namespace vnni

}  // namespace deltahop::sparse_blocks
