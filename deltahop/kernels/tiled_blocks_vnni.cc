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

DELTAHOP_VNNI_INLINE __m128i codes_of(__m512i sum, const CodeWay& way) {
  const __m128i shift = _mm_cvtsi32_si128(way.shift);
  sum = _mm512_max_epi32(sum, _mm512_set1_epi32(way.lowest));
  sum = _mm512_min_epi32(sum, _mm512_set1_epi32(way.highest));
  __m512i rounded = _mm512_add_epi32(sum, _mm512_set1_epi32(way.added));
  if (way.added_to_odd != 0) {
    const __m512i odd = _mm512_and_si512(_mm512_sra_epi32(sum, shift), _mm512_set1_epi32(1));
    rounded = _mm512_add_epi32(rounded, odd);
  }
  if (way.added_to_negative != 0) {
    const __m512i negative =
        _mm512_and_si512(_mm512_srai_epi32(sum, 31), _mm512_set1_epi32(way.added_to_negative));
    rounded = _mm512_add_epi32(rounded, negative);
  }
  return _mm512_cvtepi32_epi8(_mm512_sra_epi32(rounded, shift));
}

template <int kGroups>
DELTAHOP_VNNI_INLINE void store(const int32_t* sums, const ByteTile& tile, uint8_t* to) {
  const bool is_full = tile.channels == kGroup * kGroups;
#pragma GCC unroll 4
  for (int g = 0; g < kGroups; ++g) {
    const __m128i codes = codes_of(_mm512_load_si512(sums + kGroup * g), tile.way);
    if (is_full || g + 1 < kGroups)
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + kGroup * g), codes);
    else
      _mm_mask_storeu_epi8(to + kGroup * g, static_cast<__mmask16>((1u << (tile.channels - kGroup * g)) - 1),
                           codes);
  }
}

// kPixels by 16 * kGroups sums, from pixel `first` on.
template <int kGroups, int kPixels>
DELTAHOP_VNNI_TARGET void run_pixels(const ByteTile& tile, int64_t first) {
  __m512i sum[kPixels][kGroups];
#pragma GCC unroll 16
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
    for (int g = 0; g < kGroups; ++g) sum[p][g] = _mm512_loadu_si512(tile.bias + kGroup * g);
  }
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
        int32_t four;
        std::memcpy(&four, base[p] + 4 * step, sizeof four);
        const __m512i x = _mm512_set1_epi32(four);
#pragma GCC unroll 4
        for (int g = 0; g < kGroups; ++g) sum[p][g] = _mm512_dpbusd_epi32(sum[p][g], x, w[g]);
      }
    }
  }
  // Through memory: with what follows in sight g++ 12 would move every sum once more in the loop above.
  alignas(64) int32_t sums[kPixels * kGroups * kGroup];
#pragma GCC unroll 16
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
    for (int g = 0; g < kGroups; ++g) _mm512_store_si512(sums + (p * kGroups + g) * kGroup, sum[p][g]);
  }
  for (int p = 0; p < kPixels; ++p)
    store<kGroups>(sums + p * kGroups * kGroup, tile, tile.to + (first + p) * tile.stride);
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

}  // namespace

void run(const Tile<uint8_t>& tile) {
  switch (tile.groups) {
    case 1:
      return run_all<1, 10>(tile);
    case 2:
      return run_all<2, 8>(tile);
    case 3:
      return run_all<3, 8>(tile);
    default:
      return run_all<4, 6>(tile);
  }
}

#else

void run(const Tile<uint8_t>&) {}

#endif

}  // namespace deltahop::tiled_blocks
