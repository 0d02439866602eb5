// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/tiled_blocks.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "deltahop/kernels/tiled_blocks.cc"
#include <hwy/foreach_target.h>  // before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace deltahop::tiled_blocks::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::CappedTag<float, kGroup>;
using FloatTile = Tile<float>;

#if HWY_TARGET == HWY_SCALAR || HWY_HAVE_SCALABLE

void run_floats(const FloatTile& tile) {
  const int64_t width = kGroup * tile.groups;
  for (int64_t p = 0; p < tile.pixels; ++p) {
    float sums[kGroup * kMostGroups];
    std::copy_n(tile.bias, width, sums);
    const float* weights = tile.weights;
    for (int64_t r = 0; r < tile.run_count; ++r) {
      const float* const base = tile.image + tile.places[p] + tile.runs[r];
      for (int64_t step = 0; step < tile.run_steps; ++step, weights += width) {
        for (int64_t k = 0; k < width; ++k) sums[k] += base[step] * weights[k];
      }
    }
    for (int64_t k = 0; k < tile.channels; ++k)
      tile.to[p * tile.stride + k] = tile.way.relu ? std::max(sums[k], 0.0f) : sums[k];
  }
}

#else

// kPixels by kVectors vectors of sums, from pixel `first` and out channel `column` on.
template <int kVectors, int kPixels>
HWY_ATTR void run_pixels(const FloatTile& tile, int64_t first, int64_t column) {
  const Floats d;
  constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(Floats()));
  const int64_t width = kGroup * tile.groups;
  hn::Vec<Floats> sum[kPixels][kVectors];
#pragma GCC unroll 16
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sum[p][v] = hn::LoadU(d, tile.bias + column + kLanes * v);
  }
  const float* weights = tile.weights + column;
  const int64_t* const places = tile.places + first;
  for (int64_t r = 0; r < tile.run_count; ++r) {
    const float* base[kPixels];
#pragma GCC unroll 16
    for (int p = 0; p < kPixels; ++p) base[p] = tile.image + places[p] + tile.runs[r];
    for (int64_t step = 0; step < tile.run_steps; ++step, weights += width) {
      hn::Vec<Floats> w[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) w[v] = hn::Load(d, weights + kLanes * v);
#pragma GCC unroll 16
      for (int p = 0; p < kPixels; ++p) {
        const auto x = hn::Set(d, base[p][step]);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) sum[p][v] = hn::MulAdd(x, w[v], sum[p][v]);
      }
    }
  }
  // Through memory: with what follows in sight g++ 12 would move every sum once more in the loop above.
  HWY_ALIGN float sums[kPixels * kVectors * kLanes];
#pragma GCC unroll 16
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) hn::Store(sum[p][v], d, sums + (p * kVectors + v) * kLanes);
  }
  for (int p = 0; p < kPixels; ++p) {
    float* const to = tile.to + (first + p) * tile.stride + column;
    for (int v = 0; v < kVectors; ++v) {
      auto value = hn::Load(d, sums + (p * kVectors + v) * kLanes);
      if (tile.way.relu) value = hn::Max(value, hn::Zero(d));
      const int64_t present = tile.channels - column - kLanes * v;
      if (present >= kLanes)
        hn::StoreU(value, d, to + kLanes * v);
      else if (present > 0)
        hn::BlendedStore(value, hn::FirstN(d, static_cast<size_t>(present)), d, to + kLanes * v);
    }
  }
}

// Where whole tiles do not come out even, the last one begins earlier and stores some pixels again.
template <int kVectors, int kPixels>
HWY_ATTR void run_all(const FloatTile& tile, int64_t column) {
  int64_t first = 0;
  for (; first + kPixels <= tile.pixels; first += kPixels) run_pixels<kVectors, kPixels>(tile, first, column);
  const int64_t rest = tile.pixels - first;
  if (rest > 2 && first > 0) return run_pixels<kVectors, kPixels>(tile, tile.pixels - kPixels, column);
  for (; first < tile.pixels; ++first) run_pixels<kVectors, 1>(tile, first, column);
}

void run_floats(const FloatTile& tile) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL  // 32 registers of 16 floats
  if (tile.groups == 1) return run_all<1, 10>(tile, 0);
  if (tile.groups == 2) return run_all<2, 8>(tile, 0);
  if (tile.groups == 3) return run_all<3, 8>(tile, 0);
  return run_all<4, 6>(tile, 0);
#else
  constexpr int kVectors = static_cast<int>(kGroup / static_cast<int64_t>(hn::MaxLanes(Floats())));
  for (int64_t group = 0; group < tile.groups; ++group)
    run_all<kVectors, 12 / kVectors>(tile, group * kGroup);
#endif
}

#endif

template <class T>
HWY_ATTR int64_t zeros_in(const T* values, int64_t count) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t zeros = 0, i = 0;
  for (; i + lanes <= count; i += lanes)
    zeros += static_cast<int64_t>(hn::CountTrue(d, hn::Eq(hn::LoadU(d, values + i), hn::Zero(d))));
  for (; i < count; ++i) zeros += values[i] == T{0} ? 1 : 0;
  return zeros;
}
int64_t zero_codes(const int8_t* codes, int64_t count) { return zeros_in(codes, count); }
int64_t zero_floats(const float* values, int64_t count) { return zeros_in(values, count); }

// As many whole vectors of kLanes as there are from i on; where they end.
template <int64_t kLanes, class T>
HWY_INLINE int64_t largest_of(const T* const* from, size_t sources, int64_t i, int64_t count, T* to) {
  const hn::CappedTag<T, kLanes> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (; i + lanes <= count; i += lanes) {
    auto best = hn::LoadU(d, from[0] + i);
    for (size_t s = 1; s < sources; ++s) best = hn::Max(best, hn::LoadU(d, from[s] + i));
    hn::StoreU(best, d, to + i);
  }
  return i;
}
template <class T>
HWY_ATTR void largest_of(const T* const* from, size_t sources, int64_t count, T* to) {
  int64_t i = largest_of<64>(from, sources, 0, count, to);
  i = largest_of<16>(from, sources, i, count, to);
  i = largest_of<4>(from, sources, i, count, to);
  for (; i < count; ++i) {
    T best = from[0][i];
    for (size_t s = 1; s < sources; ++s) best = std::max(best, from[s][i]);
    to[i] = best;
  }
}
void largest_codes(const int8_t* const* from, size_t sources, int64_t count, int8_t* to) {
  largest_of(from, sources, count, to);
}
void largest_floats(const float* const* from, size_t sources, int64_t count, float* to) {
  largest_of(from, sources, count, to);
}

// One window that lies inside of its row.
template <int64_t kLanes, class T>
HWY_INLINE int64_t largest_inside(const T* from, const NeighbourRow<T>& row, int64_t k, T* to) {
  const hn::CappedTag<T, kLanes> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (; k + lanes <= row.channels; k += lanes) {
    auto best = hn::LoadU(d, from + k);
    for (int64_t x = 1; x < row.window; ++x) best = hn::Max(best, hn::LoadU(d, from + x * row.channels + k));
    hn::StoreU(best, d, to + k);
  }
  return k;
}
template <class T>
HWY_INLINE void largest_inside(const T* from, const NeighbourRow<T>& row, T* to) {
  int64_t k = largest_inside<64>(from, row, 0, to);
  k = largest_inside<16>(from, row, k, to);
  k = largest_inside<4>(from, row, k, to);
  for (; k < row.channels; ++k) {
    T best = from[k];
    for (int64_t x = 1; x < row.window; ++x) best = std::max(best, from[x * row.channels + k]);
    to[k] = best;
  }
}

template <class T>
HWY_ATTR void largest_neighbours(const NeighbourRow<T>& given) {
  const NeighbourRow<T> row = given;  // what is stored may alias everything, but not this
  for (int64_t q = 0; q < row.out_columns; ++q) {
    const int64_t left = q * row.step - row.before;
    T* const to = row.to + q * row.stride;
    if (left >= 0 && left + row.window <= row.columns) {
      largest_inside(row.from + left * row.channels, row, to);
      continue;
    }
    NeighbourRow<T> cut = row;
    const int64_t begin = std::max<int64_t>(left, 0);
    cut.window = std::min(left + row.window, row.columns) - begin;
    if (cut.window > 0) largest_inside(row.from + begin * row.channels, cut, to);
  }
}
void neighbouring_codes(const NeighbourRow<int8_t>& row) { largest_neighbours(row); }
void neighbouring_floats(const NeighbourRow<float>& row) { largest_neighbours(row); }

template <class T, class Sum>
HWY_ATTR void sum_of(const T* const* from, size_t sources, int64_t count, Sum* to) {
  const hn::CappedTag<Sum, 16> d;
  const hn::Rebind<T, decltype(d)> stored;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto load = [&](const T* values) HWY_ATTR {
    if constexpr (std::is_same_v<T, Sum>)
      return hn::LoadU(d, values);
    else
      return hn::PromoteTo(d, hn::LoadU(stored, values));
  };
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    auto total = load(from[0] + i);
    for (size_t s = 1; s < sources; ++s) total = hn::Add(total, load(from[s] + i));
    hn::StoreU(total, d, to + i);
  }
  for (; i < count; ++i) {
    to[i] = from[0][i];
    for (size_t s = 1; s < sources; ++s) to[i] += from[s][i];
  }
}
void sum_codes(const int8_t* const* from, size_t sources, int64_t count, int32_t* to) {
  sum_of(from, sources, count, to);
}
void sum_floats(const float* const* from, size_t sources, int64_t count, float* to) {
  sum_of(from, sources, count, to);
}

template <class T>
HWY_ATTR void sum_neighbours(const NeighbourRow<T>& row) {
  const hn::CappedTag<T, 16> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t q = 0; q < row.out_columns; ++q) {
    const int64_t left = q * row.step - row.before;
    const int64_t begin = std::max<int64_t>(left, 0), end = std::min(left + row.window, row.columns);
    T* const to = row.to + q * row.stride;
    int64_t k = 0;
    for (; k + lanes <= row.channels; k += lanes) {
      auto total = hn::LoadU(d, row.from + begin * row.channels + k);
      for (int64_t x = begin + 1; x < end; ++x)
        total = hn::Add(total, hn::LoadU(d, row.from + x * row.channels + k));
      hn::StoreU(total, d, to + k);
    }
    for (; k < row.channels; ++k) {
      to[k] = row.from[begin * row.channels + k];
      for (int64_t x = begin + 1; x < end; ++x) to[k] += row.from[x * row.channels + k];
    }
  }
}
void neighbouring_sums(const NeighbourRow<int32_t>& row) { sum_neighbours(row); }
void neighbouring_float_sums(const NeighbourRow<float>& row) { sum_neighbours(row); }

using Sums = hn::CappedTag<int32_t, 16>;
using Codes = hn::Rebind<int8_t, Sums>;

template <class V>
HWY_INLINE V codes_rounded(V sum, const CodeWay& way) {
  const hn::DFromV<V> d;
  const auto held = hn::Min(hn::Max(sum, hn::Set(d, way.lowest)), hn::Set(d, way.highest));
  const auto more = hn::Add(hn::And(hn::ShiftRightSame(held, way.shift), hn::Set(d, way.added_to_odd)),
                            hn::And(hn::BroadcastSignBit(held), hn::Set(d, way.added_to_negative)));
  return hn::ShiftRightSame(hn::Add(hn::Add(held, hn::Set(d, way.added)), more), way.shift);
}

template <class V>
HWY_INLINE hn::Vec<Codes> codes_of(V sum, const CodeWay& way) {
  return hn::DemoteTo(Codes(), codes_rounded(sum, way));
}

HWY_INLINE int8_t code_of(int32_t sum, const CodeWay& way) {
  HWY_ALIGN int8_t codes[kGroup];
  hn::StoreU(codes_of(hn::Set(Sums(), sum), way), Codes(), codes);
  return codes[0];
}

HWY_ATTR void round_sums(const int32_t* sums, int64_t count, const CodeWay& way, int8_t* codes) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(Sums()));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    hn::StoreU(codes_of(hn::LoadU(Sums(), sums + i), way), Codes(), codes + i);
  for (; i < count; ++i) codes[i] = code_of(sums[i], way);
}

template <size_t kLanes>
HWY_INLINE int64_t average_inside(const int8_t* from, const CodeAverages& all, int64_t k, int8_t* to) {
  const hn::CappedTag<int32_t, kLanes> d;
  const hn::Rebind<int8_t, decltype(d)> bytes;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (; k + lanes <= all.channels; k += lanes) {
    auto total = hn::Zero(d);
    for (int64_t y = 0; y < all.window_rows; ++y) {
      for (int64_t x = 0; x < all.window_columns; ++x)
        total = hn::Add(total, hn::PromoteTo(d, hn::LoadU(bytes, from + y * all.row + x * all.channels + k)));
    }
    hn::StoreU(hn::DemoteTo(bytes, codes_rounded(total, all.way)), bytes, to + k);
  }
  return k;
}

HWY_ATTR void average_codes(const CodeAverages& given) {
  const CodeAverages all = given;  // see largest_neighbours
  for (int64_t q = 0; q < all.out_columns; ++q) {
    const int8_t* const from = all.from + q * all.step * all.channels;
    int8_t* const to = all.to + q * all.channels;
    int64_t k = average_inside<16>(from, all, 0, to);
    k = average_inside<4>(from, all, k, to);
    average_inside<1>(from, all, k, to);
  }
}

HWY_ATTR void add_codes(const CodeSum& sum) {
  const Sums d;
  const Codes bytes;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= sum.count; i += lanes) {
    const auto a = hn::PromoteTo(d, hn::LoadU(bytes, sum.a + i)),
               b = hn::PromoteTo(d, hn::LoadU(bytes, sum.b + i));
    const auto both = hn::Add(hn::ShiftLeftSame(a, sum.left_a), hn::ShiftLeftSame(b, sum.left_b));
    hn::StoreU(codes_of(both, sum.way), bytes, sum.to + i);
  }
  for (; i < sum.count; ++i)
    sum.to[i] = code_of(sum.a[i] * (1 << sum.left_a) + sum.b[i] * (1 << sum.left_b), sum.way);
}

HWY_ATTR void add_floats(const float* a, const float* b, int64_t count, bool relu, float* to) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto sum = hn::Add(hn::LoadU(d, a + i), hn::LoadU(d, b + i));
    hn::StoreU(relu ? hn::Max(sum, hn::Zero(d)) : sum, d, to + i);
  }
  for (; i < count; ++i) to[i] = relu ? std::max(a[i] + b[i], 0.0f) : a[i] + b[i];
}

}  // namespace deltahop::tiled_blocks::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace deltahop::tiled_blocks {
HWY_EXPORT(run_floats);
HWY_EXPORT(zero_codes);
HWY_EXPORT(zero_floats);
HWY_EXPORT(largest_codes);
HWY_EXPORT(largest_floats);
HWY_EXPORT(neighbouring_codes);
HWY_EXPORT(neighbouring_floats);
HWY_EXPORT(sum_codes);
HWY_EXPORT(sum_floats);
HWY_EXPORT(neighbouring_sums);
HWY_EXPORT(neighbouring_float_sums);
HWY_EXPORT(round_sums);
HWY_EXPORT(average_codes);
HWY_EXPORT(add_codes);
HWY_EXPORT(add_floats);

int64_t run(const Tile<float>& tile) {
  HWY_DYNAMIC_DISPATCH(run_floats)(tile);
  return 0;
}

int64_t count_zeros(std::span<const int8_t> codes) {
  return HWY_DYNAMIC_DISPATCH(zero_codes)(codes.data(), static_cast<int64_t>(codes.size()));
}
int64_t count_zeros(std::span<const float> values) {
  return HWY_DYNAMIC_DISPATCH(zero_floats)(values.data(), static_cast<int64_t>(values.size()));
}

void largest(std::span<const int8_t* const> from, int64_t count, int8_t* to) {
  HWY_DYNAMIC_DISPATCH(largest_codes)(from.data(), from.size(), count, to);
}
void largest(std::span<const float* const> from, int64_t count, float* to) {
  HWY_DYNAMIC_DISPATCH(largest_floats)(from.data(), from.size(), count, to);
}

void largest(const NeighbourRow<int8_t>& row) { HWY_DYNAMIC_DISPATCH(neighbouring_codes)(row); }
void largest(const NeighbourRow<float>& row) { HWY_DYNAMIC_DISPATCH(neighbouring_floats)(row); }

void sum(std::span<const int8_t* const> from, int64_t count, int32_t* to) {
  HWY_DYNAMIC_DISPATCH(sum_codes)(from.data(), from.size(), count, to);
}
void sum(std::span<const float* const> from, int64_t count, float* to) {
  HWY_DYNAMIC_DISPATCH(sum_floats)(from.data(), from.size(), count, to);
}
void sum(const NeighbourRow<int32_t>& row) { HWY_DYNAMIC_DISPATCH(neighbouring_sums)(row); }
void sum(const NeighbourRow<float>& row) { HWY_DYNAMIC_DISPATCH(neighbouring_float_sums)(row); }

void round(std::span<const int32_t> sums, const CodeWay& way, int8_t* codes) {
  HWY_DYNAMIC_DISPATCH(round_sums)(sums.data(), static_cast<int64_t>(sums.size()), way, codes);
}

void average(const CodeAverages& averages) { HWY_DYNAMIC_DISPATCH(average_codes)(averages); }

void add(const CodeSum& sum) { HWY_DYNAMIC_DISPATCH(add_codes)(sum); }
void add(const float* a, const float* b, int64_t count, bool relu, float* to) {
  HWY_DYNAMIC_DISPATCH(add_floats)(a, b, count, relu, to);
}

}  // namespace deltahop::tiled_blocks
#endif  // HWY_ONCE
