// SPDX-License-Identifier: Apache-2.0
// Tiles of byte products (vpdpbusd): see sparse_blocks_vnni.cc for why they stand in functions of their own.
#include <algorithm>
#include <cstring>

#include <hwy/highway.h>

#include "deltahop/kernels/tiled_blocks.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // false alarms in g++ 12's own intrinsics: GCC bug 105593
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#if HWY_ARCH_X86 && (defined(__GNUC__) || defined(__clang__))
#include <immintrin.h>
#define DELTAHOP_VNNI_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define DELTAHOP_VNNI_INLINE DELTAHOP_VNNI_TARGET __attribute__((always_inline)) inline
#endif

namespace deltahop::tiled_blocks {

#ifdef DELTAHOP_VNNI_TARGET

namespace {

using ByteTile = Tile<uint8_t>;

// CodeWay in registers: what is stored may alias everything, so that it would be read again for each pixel.
struct Rounder {
  __m512i lowest, highest, added, added_to_negative;
  __m128i shift;
  bool odd, negative;
};
DELTAHOP_VNNI_INLINE Rounder rounder_of(const CodeWay& way) {
  return {_mm512_set1_epi32(way.lowest), _mm512_set1_epi32(way.highest),
          _mm512_set1_epi32(way.added),  _mm512_set1_epi32(way.added_to_negative),
          _mm_cvtsi32_si128(way.shift),  way.added_to_odd != 0,
          way.added_to_negative != 0};
}

DELTAHOP_VNNI_INLINE __m128i codes_of(__m512i sum, const Rounder& way) {
  sum = _mm512_min_epi32(_mm512_max_epi32(sum, way.lowest), way.highest);
  __m512i rounded = _mm512_add_epi32(sum, way.added);
  if (way.odd) {
    const __m512i odd = _mm512_and_si512(_mm512_sra_epi32(sum, way.shift), _mm512_set1_epi32(1));
    rounded = _mm512_add_epi32(rounded, odd);
  }
  if (way.negative)
    rounded = _mm512_add_epi32(rounded, _mm512_and_si512(_mm512_srai_epi32(sum, 31), way.added_to_negative));
  return _mm512_cvtepi32_epi8(_mm512_sra_epi32(rounded, way.shift));
}

template <int kGroups, int kPixels>
DELTAHOP_VNNI_INLINE void begin(const ByteTile& tile, __m512i (&sum)[kPixels][kGroups]) {
#pragma GCC unroll 16
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
    for (int g = 0; g < kGroups; ++g) sum[p][g] = _mm512_loadu_si512(tile.bias + kGroup * g);
  }
}

// Through memory: with what follows in sight g++ 12 would move every sum once more in the loop of products.
template <int kGroups, int kPixels>
DELTAHOP_VNNI_INLINE void store(const __m512i (&sum)[kPixels][kGroups], const ByteTile& tile, uint8_t* to) {
  alignas(64) int32_t sums[kPixels * kGroups * kGroup];
#pragma GCC unroll 16
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
    for (int g = 0; g < kGroups; ++g) _mm512_store_si512(sums + (p * kGroups + g) * kGroup, sum[p][g]);
  }
  const Rounder way = rounder_of(tile.way);
  const int64_t stride = tile.stride, channels = tile.channels;
  const bool is_full = channels == kGroup * kGroups;
  const auto last = static_cast<__mmask16>((1u << (channels - kGroup * (kGroups - 1))) - 1);
  for (int p = 0; p < kPixels; ++p, to += stride) {
#pragma GCC unroll 4
    for (int g = 0; g < kGroups; ++g) {
      const __m128i codes = codes_of(_mm512_load_si512(sums + (p * kGroups + g) * kGroup), way);
      if (is_full || g + 1 < kGroups)
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to + kGroup * g), codes);
      else
        _mm_mask_storeu_epi8(to + kGroup * g, last, codes);
    }
  }
}

// Pixels that have no product at all.
template <int kGroups>
DELTAHOP_VNNI_TARGET void store_bias(const ByteTile& tile, int64_t pixels, uint8_t* to) {
  const Rounder way = rounder_of(tile.way);
  const int64_t stride = tile.stride, channels = tile.channels;
  for (int g = 0; g < kGroups; ++g) {
    const __m128i codes = codes_of(_mm512_loadu_si512(tile.bias + kGroup * g), way);
    const int64_t count = std::min<int64_t>(kGroup, channels - kGroup * g);
    const auto mask = static_cast<__mmask16>((1u << count) - 1);
    for (int64_t p = 0; p < pixels; ++p) _mm_mask_storeu_epi8(to + p * stride + kGroup * g, mask, codes);
  }
}

DELTAHOP_VNNI_INLINE __m512i four_bytes(const uint8_t* from) {
  int32_t four;
  std::memcpy(&four, from, sizeof four);
  return _mm512_set1_epi32(four);
}

// kPixels by 16 * kGroups sums, from pixel `first` on.
template <int kGroups, int kPixels>
DELTAHOP_VNNI_TARGET void run_pixels(const ByteTile& tile, int64_t first) {
  __m512i sum[kPixels][kGroups];
  begin(tile, sum);
  const int8_t* weights = tile.weights;
  const int64_t* const places = tile.places + first;
  for (int64_t r = 0; r < tile.run_count; ++r) {
    const uint8_t* base[kPixels];
#pragma GCC unroll 16
    for (int p = 0; p < kPixels; ++p) base[p] = tile.image + places[p] + tile.runs[r];
    for (int64_t step = 0; step < tile.run_steps; ++step, weights += 64 * kGroups) {
      __m512i w[kGroups];
#pragma GCC unroll 4
      for (int g = 0; g < kGroups; ++g) w[g] = _mm512_load_si512(weights + 64 * g);
#pragma GCC unroll 16
      for (int p = 0; p < kPixels; ++p) {
        const __m512i x = four_bytes(base[p] + 4 * step);
#pragma GCC unroll 4
        for (int g = 0; g < kGroups; ++g) sum[p][g] = _mm512_dpbusd_epi32(sum[p][g], x, w[g]);
      }
    }
  }
  store(sum, tile, tile.to + first * tile.stride);
}

// Where whole tiles do not come out even, the last one begins earlier and stores some pixels again.
template <int kGroups, int kPixels>
DELTAHOP_VNNI_TARGET void run_all(const ByteTile& tile) {
  int64_t first = 0;
  for (; first + kPixels <= tile.pixels; first += kPixels) run_pixels<kGroups, kPixels>(tile, first);
  const int64_t rest = tile.pixels - first;
  if (rest > 2 && first > 0) return run_pixels<kGroups, kPixels>(tile, tile.pixels - kPixels);
  for (; first + 4 <= tile.pixels; first += 4) run_pixels<kGroups, 4>(tile, first);
  for (; first < tile.pixels; ++first) run_pixels<kGroups, 1>(tile, first);
}

DELTAHOP_VNNI_INLINE bool is_zero(const uint8_t* bytes, int64_t count) {
  for (; count > 64; count -= 64, bytes += 64) {
    const __m512i some = _mm512_loadu_si512(bytes);
    if (_mm512_test_epi32_mask(some, some) != 0) return false;
  }
  const __m512i rest = _mm512_maskz_loadu_epi8(~__mmask64{0} >> (64 - count), bytes);
  return _mm512_test_epi32_mask(rest, rest) == 0;
}

// The same of pixels beside each other in one row, whose places are tile.step apart: two pointers and seven
// distances instead of a pointer each. Returns the runs that were left out because they are zero for all.
template <int kGroups, int kPixels, bool kSkips>
DELTAHOP_VNNI_TARGET int64_t run_beside(const ByteTile& tile, int64_t first) {
  __m512i sum[kPixels][kGroups];
  begin(tile, sum);
  const int8_t* weights = tile.weights;
  const uint8_t* const place = tile.image + tile.places[first];
  const int64_t s1 = tile.step;
  const int64_t apart[8] = {0, s1, 2 * s1, 3 * s1, 4 * s1, 5 * s1, 6 * s1, 7 * s1};
  int64_t skipped = 0;
  for (int64_t r = 0; r < tile.run_count; ++r) {
    const uint8_t* low = place + tile.runs[r];
    if (kSkips && is_zero(low, (kPixels - 1) * s1 + tile.run_bytes)) {
      weights += 64 * kGroups * tile.run_steps;
      ++skipped;
      continue;
    }
    const uint8_t* high = low + 8 * s1;
    for (int64_t step = 0; step < tile.run_steps; ++step, weights += 64 * kGroups, low += 4, high += 4) {
      __m512i w[kGroups];
#pragma GCC unroll 4
      for (int g = 0; g < kGroups; ++g) w[g] = _mm512_load_si512(weights + 64 * g);
#pragma GCC unroll 16
      for (int p = 0; p < kPixels; ++p) {
        const __m512i x = four_bytes((p < 8 ? low : high) + apart[p % 8]);
#pragma GCC unroll 4
        for (int g = 0; g < kGroups; ++g) sum[p][g] = _mm512_dpbusd_epi32(sum[p][g], x, w[g]);
      }
    }
  }
  if (kSkips && skipped == tile.run_count) {
    store_bias<kGroups>(tile, kPixels, tile.to + first * tile.stride);
    return skipped;
  }
  store(sum, tile, tile.to + first * tile.stride);
  return skipped;
}

template <int kGroups, int kPixels>
DELTAHOP_VNNI_TARGET int64_t run_rows(const ByteTile& tile) {
  int64_t skipped = 0;
  for (int64_t row = 0; row < tile.pixels; row += tile.columns) {
    for (int64_t q = 0; q < tile.columns; q += kPixels) {
      const int64_t first = row + std::min(q, tile.columns - kPixels);
      if (tile.skips)
        skipped +=
            run_beside<kGroups, kPixels, true>(tile, first) * std::min<int64_t>(kPixels, tile.columns - q);
      else
        run_beside<kGroups, kPixels, false>(tile, first);
    }
  }
  return skipped;
}

using RunRows = int64_t (*)(const ByteTile&);
struct RowTile {
  int64_t pixels;
  RunRows run;
};
// Widths whose sums, weights and operand fit 32 registers.
constexpr RowTile kRowTiles[kMostGroups][8] = {
    {{4, run_rows<1, 4>},
     {7, run_rows<1, 7>},
     {8, run_rows<1, 8>},
     {10, run_rows<1, 10>},
     {12, run_rows<1, 12>},
     {14, run_rows<1, 14>},
     {15, run_rows<1, 15>},
     {16, run_rows<1, 16>}},
    {{4, run_rows<2, 4>},
     {6, run_rows<2, 6>},
     {7, run_rows<2, 7>},
     {8, run_rows<2, 8>},
     {10, run_rows<2, 10>},
     {12, run_rows<2, 12>},
     {14, run_rows<2, 14>}},
    {{4, run_rows<3, 4>}, {6, run_rows<3, 6>}, {7, run_rows<3, 7>}, {8, run_rows<3, 8>}, {9, run_rows<3, 9>}},
    {{4, run_rows<4, 4>}, {5, run_rows<4, 5>}, {6, run_rows<4, 6>}}};

// The width with the least products and starts of tiles in a row; none where tiles across rows do better.
const RowTile* best_row_tile(const ByteTile& tile) {
  constexpr int64_t kStart = 4, kStartAcross = 8;  // of a tile, in products of a step
  constexpr int64_t kAcross[kMostGroups] = {10, 8, 8, 6};
  const int64_t across = kAcross[tile.groups - 1];
  double least =
      static_cast<double>(tile.columns * (across * tile.groups + kStartAcross)) / static_cast<double>(across);
  const RowTile* best = nullptr;
  for (const RowTile& each : kRowTiles[tile.groups - 1]) {
    if (each.run == nullptr || each.pixels > tile.columns) break;
    const int64_t tiles = (tile.columns + each.pixels - 1) / each.pixels;
    const auto cost = static_cast<double>(tiles * (each.pixels * tile.groups + kStart));
    if (cost > least) continue;
    least = cost;
    best = &each;
  }
  return best;
}

}  // namespace

int64_t run(const Tile<uint8_t>& tile) {
  if (const RowTile* const beside = best_row_tile(tile)) {
    return beside->run(tile);
  }
  switch (tile.groups) {
    case 1:
      run_all<1, 10>(tile);
      break;
    case 2:
      run_all<2, 8>(tile);
      break;
    case 3:
      run_all<3, 8>(tile);
      break;
    default:
      run_all<4, 6>(tile);
  }
  return 0;
}

#else

int64_t run(const Tile<uint8_t>&) { return 0; }

#endif

}  // namespace deltahop::tiled_blocks
