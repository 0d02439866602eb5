// SPDX-License-Identifier: Apache-2.0
// Byte products: Highway 1.0.3 has no word for vpdpbusd (u8 * s8, four a lane) nor for compressing bytes, so
// that they stand in functions compiled for them and taken only where the processor has them. Every processor
// of Highway's AVX3_DL has VBMI2 beside VNNI.
#include <bit>
#include <cstring>

#include <hwy/highway.h>

#include "deltahop/kernels/sparse_blocks.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // false alarms in g++ 12's own intrinsics: GCC bug 105593
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#if HWY_ARCH_X86 && (defined(__GNUC__) || defined(__clang__))
#include <immintrin.h>
#define DELTAHOP_VNNI_TARGET \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,avx512vbmi2,bmi,bmi2,popcnt")))
#define DELTAHOP_VNNI_INLINE DELTAHOP_VNNI_TARGET __attribute__((always_inline)) inline
#endif

namespace deltahop::sparse_blocks {

#ifdef DELTAHOP_VNNI_TARGET

namespace {

DELTAHOP_VNNI_INLINE __m512i four_bytes(const uint8_t* bytes) {
  int32_t four;
  std::memcpy(&four, bytes, sizeof four);
  return _mm512_set1_epi32(four);
}

}  // namespace

bool has_byte_products() { return (hwy::SupportedTargets() & HWY_AVX3_DL) != 0; }

namespace vnni {

namespace {

// The row of weights at base + kScale * offset + kPlace. Written out, because compilers fold such a load into
// both instructions that use it and add the base for each row: loads and instructions are what the loop below
// waits for.
template <int kScale, int kPlace>
DELTAHOP_VNNI_INLINE __m512i row_of(const int8_t* base, uint64_t offset) {
  __m512i row;
  asm("vmovdqa64 %c3(%1,%2,%c4), %0" : "=v"(row) : "r"(base), "r"(offset), "i"(kPlace), "i"(kScale));
  return row;
}

// Where the rows of four activations begin.
struct FourRows {
  const int8_t* base;
  uint64_t a, b, c, d;
};

// Four rows interleaved by bytes give the products of out channels 0..15, 16..31, 32..47 and 48..63, because
// rows lie in the order of byte_of_row.
template <int kScale, int kPlace>
DELTAHOP_VNNI_INLINE void add_products(__m512i (&sum)[4], const FourRows& rows, __m512i x) {
  const __m512i a = row_of<kScale, kPlace>(rows.base, rows.a), b = row_of<kScale, kPlace>(rows.base, rows.b);
  const __m512i c = row_of<kScale, kPlace>(rows.base, rows.c), d = row_of<kScale, kPlace>(rows.base, rows.d);
  const __m512i ab0 = _mm512_unpacklo_epi8(a, b), ab1 = _mm512_unpackhi_epi8(a, b);
  const __m512i cd0 = _mm512_unpacklo_epi8(c, d), cd1 = _mm512_unpackhi_epi8(c, d);
  sum[0] = _mm512_dpbusd_epi32(sum[0], x, _mm512_unpacklo_epi16(ab0, cd0));
  sum[1] = _mm512_dpbusd_epi32(sum[1], x, _mm512_unpackhi_epi16(ab0, cd0));
  sum[2] = _mm512_dpbusd_epi32(sum[2], x, _mm512_unpacklo_epi16(ab1, cd1));
  sum[3] = _mm512_dpbusd_epi32(sum[3], x, _mm512_unpackhi_epi16(ab1, cd1));
}

template <int kBlocks>
DELTAHOP_VNNI_INLINE void add_list(__m512i (&sum)[kBlocks][4], const Pass<uint8_t, int8_t, int32_t>& pass,
                                   const ListPlace& list, const int8_t* weights) {
  const uint8_t* const values = pass.values + list.begin;
  const uint16_t* const offsets = pass.offsets + list.begin;
#pragma GCC unroll 2
  for (uint64_t group = 0; group < list.groups; ++group) {
    uint64_t four;
    std::memcpy(&four, offsets + 4 * group, sizeof four);
    const FourRows rows{weights, four & 0xffff, _bextr_u64(four, 16, 16), _bextr_u64(four, 32, 16),
                        four >> 48};
    const __m512i x = four_bytes(values + 4 * group);
    add_products<kBlocks, 0>(sum[0], rows, x);
    if constexpr (kBlocks == 2) add_products<kBlocks, kBlock>(sum[1], rows, x);
  }
}

// Asks for the lines that are due with an output, at least one; returns the next.
DELTAHOP_VNNI_INLINE const char* ask(const char* line, int64_t lines) {
  _mm_prefetch(line, _MM_HINT_T1);
  for (const char* const last = line + 64 * (lines - 1); line != last;) {
    line += 64;
    _mm_prefetch(line, _MM_HINT_T1);
  }
  return line + 64;
}

// One tap, or as many as there are.
template <int kBlocks, bool kOneTap>
DELTAHOP_VNNI_TARGET void run_blocks(const Pass<uint8_t, int8_t, int32_t>& pass) {
  const char* ahead = reinterpret_cast<const char*>(pass.ahead);
  const ListPlace* lists = pass.lists + (kOneTap ? pass.taps[0] : 0);
  int32_t* sums = pass.sums;
  const int64_t others = kBlocks == 2 ? pass.others - sums : 0;
  for (const int32_t* const end = sums + pass.outputs * kBlock; sums != end; sums += kBlock) {
    __m512i sum[kBlocks][4];
#pragma GCC unroll 8
    for (int i = 0; i < 4 * kBlocks; ++i) {
      const int32_t* const from = sums + i / 4 * others + 16 * (i % 4);
      sum[i / 4][i % 4] = pass.is_first ? _mm512_setzero_si512() : _mm512_load_si512(from);
    }
    ahead = ask(ahead, pass.lines_ahead);
    // The pass is read again here, from memory: g++ 12 would keep it in vector registers, whose moves wait
    // behind all products under way, and the next list's loads with them (a third slower).
    asm volatile("" ::: "memory");
    const int8_t* weights = pass.weights;
    if constexpr (kOneTap) {
      add_list<kBlocks>(sum, pass, *lists, weights);
    } else {
      for (int64_t t = 0; t < pass.tap_count; ++t, weights += pass.tap_weights) {
        asm volatile("" ::: "memory");
        add_list<kBlocks>(sum, pass, lists[pass.taps[t]], weights);
      }
    }
    lists += pass.step;
#pragma GCC unroll 8
    for (int i = 0; i < 4 * kBlocks; ++i) {
      _mm512_store_si512(sums + i / 4 * others + 16 * (i % 4), sum[i / 4][i % 4]);
    }
  }
}

}  // namespace

void run(const Pass<uint8_t, int8_t, int32_t>& pass) {
  if (pass.others == nullptr) {
    return pass.tap_count == 1 ? run_blocks<1, true>(pass) : run_blocks<1, false>(pass);
  }
  return pass.tap_count == 1 ? run_blocks<2, true>(pass) : run_blocks<2, false>(pass);
}

namespace {

// Numbers 0..31 and 32..63, as offsets of rows.
DELTAHOP_VNNI_INLINE __m512i row_offsets(int half) {
  alignas(64) uint16_t offsets[32];
  for (int i = 0; i < 32; ++i) offsets[i] = static_cast<uint16_t>((32 * half + i) * kBlock);
  return _mm512_load_si512(offsets);
}

}  // namespace

DELTAHOP_VNNI_TARGET void list(const ListRow<uint8_t>& row) {
  const __m512i lower = row_offsets(0), upper = row_offsets(1);
  const uint8_t* values[kChunk<uint8_t> / kBlock + 1];
  for (int64_t s = 0; s < row.source_count; ++s) values[s] = row.sources[s].values;
  uint32_t end = row.begin;
  for (int64_t column = 0; column < row.columns; ++column) {
    const uint32_t begin = end;
    for (int64_t s = 0; s < row.source_count; ++s) {
      const ListSource<uint8_t>& source = row.sources[s];
      const uint64_t bitmap = source.bitmaps[column], kept = bitmap & source.mask;
      const int before = std::popcount(bitmap & ((source.mask & -source.mask) - 1));
      _mm512_storeu_si512(row.values + end, _mm512_loadu_si512(values[s] + before));
      const __m512i first = _mm512_set1_epi16(static_cast<int16_t>(source.channel * kBlock));
      const auto low = static_cast<__mmask32>(kept), high = static_cast<__mmask32>(kept >> 32);
      _mm512_storeu_si512(row.offsets + end,
                          _mm512_maskz_compress_epi16(low, _mm512_add_epi16(lower, first)));
      _mm512_storeu_si512(row.offsets + end + std::popcount(low),
                          _mm512_maskz_compress_epi16(high, _mm512_add_epi16(upper, first)));
      end += static_cast<uint32_t>(std::popcount(kept));
      values[s] += std::popcount(bitmap);
    }
    std::memset(row.values + end, 0, 4);
    std::memset(row.offsets + end, 0, 4 * sizeof(uint16_t));
    end = begin + ((end - begin + 3) & ~uint32_t{3});
    row.places[column] = {begin, (end - begin) / 4};
  }
}

DELTAHOP_VNNI_TARGET void pack(const uint8_t* pixels, int64_t columns, uint64_t* bitmaps, uint8_t* values) {
  for (int64_t column = 0; column < columns; ++column, pixels += kBlock) {
    const __m512i pixel = _mm512_load_si512(pixels);
    const __mmask64 kept = _mm512_test_epi8_mask(pixel, pixel);
    bitmaps[column] = kept;
    _mm512_storeu_si512(values, _mm512_maskz_compress_epi8(kept, pixel));
    values += std::popcount(static_cast<uint64_t>(kept));
  }
}

DELTAHOP_VNNI_TARGET void unpack(const Unpacking<uint8_t>& row) {
  const uint8_t* values = row.values;
  uint8_t* to = row.to;
  const __mmask64 present = ~uint64_t{0} >> (kBlock - row.channels);
  for (int64_t column = 0; column < row.columns; ++column, to += row.stride) {
    const uint64_t bitmap = row.bitmaps[column];
    _mm512_mask_storeu_epi8(to, present, _mm512_maskz_expand_epi8(bitmap, _mm512_loadu_si512(values)));
    values += std::popcount(bitmap);
  }
}

namespace {

// Six pixels by 64 out channels: 24 sums, four weights and an activation fill 29 of 32 registers.
constexpr int64_t kTilePixels = 6;

template <int kPixels>
DELTAHOP_VNNI_TARGET void run_tile(const DenseTile& tile) {
  __m512i sum[kPixels][4];
#pragma GCC unroll 6
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) sum[p][i] = _mm512_setzero_si512();
  }
  const int8_t* weights = tile.weights;
  for (int64_t r = 0; r < tile.run_count; ++r) {
    const uint8_t* base[kPixels];
#pragma GCC unroll 6
    for (int p = 0; p < kPixels; ++p) base[p] = tile.image + tile.places[p] + tile.runs[r];
    for (int64_t quad = 0; quad < tile.run_quads; ++quad, weights += 4 * kBlock) {
      const __m512i w0 = _mm512_load_si512(weights), w1 = _mm512_load_si512(weights + 64);
      const __m512i w2 = _mm512_load_si512(weights + 128), w3 = _mm512_load_si512(weights + 192);
#pragma GCC unroll 6
      for (int p = 0; p < kPixels; ++p) {
        const __m512i x = four_bytes(base[p] + 4 * quad);
        sum[p][0] = _mm512_dpbusd_epi32(sum[p][0], x, w0);
        sum[p][1] = _mm512_dpbusd_epi32(sum[p][1], x, w1);
        sum[p][2] = _mm512_dpbusd_epi32(sum[p][2], x, w2);
        sum[p][3] = _mm512_dpbusd_epi32(sum[p][3], x, w3);
      }
    }
  }
#pragma GCC unroll 6
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) _mm512_store_si512(tile.sums + p * kBlock + 16 * i, sum[p][i]);
  }
}

}  // namespace

void run(const DenseTile& tile) {
  DenseTile rest = tile;
  for (; rest.pixels >= kTilePixels; rest.pixels -= kTilePixels) {
    run_tile<kTilePixels>(rest);
    rest.places += kTilePixels;
    rest.sums += kTilePixels * kBlock;
  }
  switch (rest.pixels) {
    case 5:
      return run_tile<5>(rest);
    case 4:
      return run_tile<4>(rest);
    case 3:
      return run_tile<3>(rest);
    case 2:
      return run_tile<2>(rest);
    case 1:
      return run_tile<1>(rest);
    default:
      return;
  }
}

DELTAHOP_VNNI_TARGET void run(const DepthwiseTile& tile) {
  for (int64_t pixel = 0; pixel < tile.pixels; ++pixel) {
    const uint8_t* const base = tile.image + tile.places[pixel];
    __m512i sum[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) sum[i] = _mm512_setzero_si512();
    for (int64_t quad = 0; quad < tile.tap_quads; ++quad) {
      const int64_t* const taps = tile.taps + 4 * quad;
      const __m512i a = _mm512_loadu_si512(base + taps[0]), b = _mm512_loadu_si512(base + taps[1]);
      const __m512i c = _mm512_loadu_si512(base + taps[2]), d = _mm512_loadu_si512(base + taps[3]);
      const __m512i ab0 = _mm512_unpacklo_epi8(a, b), ab1 = _mm512_unpackhi_epi8(a, b);
      const __m512i cd0 = _mm512_unpacklo_epi8(c, d), cd1 = _mm512_unpackhi_epi8(c, d);
      const __m512i* const weights = reinterpret_cast<const __m512i*>(tile.weights + quad * 4 * kBlock);
      sum[0] = _mm512_dpbusd_epi32(sum[0], _mm512_unpacklo_epi16(ab0, cd0), weights[0]);
      sum[1] = _mm512_dpbusd_epi32(sum[1], _mm512_unpackhi_epi16(ab0, cd0), weights[1]);
      sum[2] = _mm512_dpbusd_epi32(sum[2], _mm512_unpacklo_epi16(ab1, cd1), weights[2]);
      sum[3] = _mm512_dpbusd_epi32(sum[3], _mm512_unpackhi_epi16(ab1, cd1), weights[3]);
    }
    // A transposition of 4 x 4 blocks of 128 bits puts the channels in order.
    const __m512i t0 = _mm512_shuffle_i32x4(sum[0], sum[1], 0x44),
                  t1 = _mm512_shuffle_i32x4(sum[0], sum[1], 0xee);
    const __m512i t2 = _mm512_shuffle_i32x4(sum[2], sum[3], 0x44),
                  t3 = _mm512_shuffle_i32x4(sum[2], sum[3], 0xee);
    int32_t* const to = tile.sums + pixel * kBlock;
    _mm512_store_si512(to, _mm512_shuffle_i32x4(t0, t2, 0x88));
    _mm512_store_si512(to + 16, _mm512_shuffle_i32x4(t0, t2, 0xdd));
    _mm512_store_si512(to + 32, _mm512_shuffle_i32x4(t1, t3, 0x88));
    _mm512_store_si512(to + 48, _mm512_shuffle_i32x4(t1, t3, 0xdd));
  }
}

}  // namespace vnni

#else

bool has_byte_products() { return false; }
namespace vnni {
void run(const Pass<uint8_t, int8_t, int32_t>&) {}
void list(const ListRow<uint8_t>&) {}
void pack(const uint8_t*, int64_t, uint64_t*, uint8_t*) {}
void unpack(const Unpacking<uint8_t>&) {}
void run(const DenseTile&) {}
void run(const DepthwiseTile&) {}
}  // namespace vnni

#endif

}  // namespace deltahop::sparse_blocks
