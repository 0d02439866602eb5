// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/delta_matvec.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>

#include "deltahop/base/error.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace deltahop {
namespace {

constexpr int64_t kLine = 64;           // bytes of a cache line
constexpr int64_t kHugePage = 2 << 20;  // bytes; panels of at least one are asked to lie in such pages

int64_t round_up(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

template <class W>
std::shared_ptr<W> zeroed_panel(int64_t count) {
  const int64_t bytes = count * static_cast<int64_t>(sizeof(W));
  const int64_t unit = bytes >= kHugePage ? kHugePage : kLine;
  const int64_t whole = round_up(std::max<int64_t>(bytes, 1), unit);
  void* const memory = std::aligned_alloc(static_cast<size_t>(unit), static_cast<size_t>(whole));
  if (memory == nullptr) throw std::bad_alloc();
  std::shared_ptr<W> owner(static_cast<W*>(memory), [](W* weights) { std::free(weights); });
#if defined(__linux__)
  if (unit == kHugePage) (void)madvise(memory, static_cast<size_t>(whole), MADV_HUGEPAGE);  // only a wish
#endif
  std::memset(memory, 0, static_cast<size_t>(whole));
  return owner;
}

template <class W>
int64_t magnitude(W w) {
  return static_cast<int64_t>(std::abs(static_cast<double>(w)));
}

}  // namespace

template <class W>
ColumnPanel<W>::ColumnPanel(int64_t rows, int64_t columns, std::span<const W> row_major)
    : rows_(rows), columns_(columns) {
  DELTAHOP_CHECK(rows >= 0 && columns >= 0 && static_cast<int64_t>(row_major.size()) == rows * columns);
  constexpr int64_t kLineWeights = kLine / static_cast<int64_t>(sizeof(W));
  stride_ = (round_up(rows, kLineWeights) / kLineWeights | 1) * kLineWeights;
  const std::shared_ptr<W> weights = zeroed_panel<W>(stride_ * columns);
  constexpr int64_t kTile = 64;  // rows at once, so that a line is filled while it is near
  for (int64_t first = 0; first < rows; first += kTile) {
    for (int64_t k = 0; k < columns; ++k) {
      for (int64_t r = first; r < std::min(first + kTile, rows); ++r) {
        const W w = row_major[static_cast<size_t>(r * columns + k)];
        weights.get()[k * stride_ + r] = w;
        if constexpr (!std::is_same_v<W, float>) {
          largest_magnitude_ = std::max(largest_magnitude_, magnitude(w));
        }
      }
    }
  }
  weights_ = weights;
}

template <class W>
int64_t ColumnPanel<W>::column_bytes() const {
  return round_up(rows_ * static_cast<int64_t>(sizeof(W)), kLine);
}

template class ColumnPanel<float>;
template class ColumnPanel<int8_t>;
template class ColumnPanel<int16_t>;

template <class W>
void add_row_bounds(const ColumnPanel<W>& panel, int64_t largest_input, std::span<int64_t> bounds) {
  DELTAHOP_CHECK(static_cast<int64_t>(bounds.size()) == panel.rows());
  for (int64_t k = 0; k < panel.columns(); ++k) {
    const W* const column = panel.column(k);
    for (size_t r = 0; r < bounds.size(); ++r) bounds[r] += magnitude(column[r]) * largest_input;
  }
}

template void add_row_bounds(const ColumnPanel<int8_t>&, int64_t, std::span<int64_t>);
template void add_row_bounds(const ColumnPanel<int16_t>&, int64_t, std::span<int64_t>);

bool fits_32_bits(std::span<const int64_t> bounds) {
  return std::all_of(bounds.begin(), bounds.end(), [](int64_t bound) { return bound < int64_t{1} << 31; });
}

int64_t encode_delta(std::span<const float> x, std::span<float> x_hat, float theta, uint32_t* indices,
                     float* deltas) {
  return encode_delta_reference(x, x_hat, theta, indices, deltas);
}

int64_t encode_delta(std::span<const int16_t> x, std::span<int16_t> x_hat, int32_t theta, uint32_t* indices,
                     int16_t* deltas) {
  return encode_delta_reference(x, x_hat, theta, indices, deltas);
}

int64_t encode_delta(std::span<const float> values, float scale, std::span<int16_t> x_hat, int32_t theta,
                     uint32_t* indices, int16_t* deltas) {
  std::vector<int16_t> codes(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    codes[i] = static_cast<int16_t>(std::nearbyint(std::clamp(values[i] * scale, -32768.0f, 32767.0f)));
  }
  return encode_delta_reference(codes, x_hat, theta, indices, deltas);
}

namespace {

template <class W, class Delta, class Sum>
void add_dense_simply(const ColumnPanel<W>& panel, std::span<const Delta> x, std::span<Sum> memory) {
  for (int64_t k = 0; k < panel.columns(); ++k) {
    const auto column = static_cast<uint32_t>(k);
    add_columns_reference<W, Delta, Sum>(panel, {&column, &x[static_cast<size_t>(k)], 1}, memory);
  }
}

}  // namespace

#define DELTAHOP_PRODUCTS(W, Delta, Sum)                                                         \
  void add_columns(const ColumnPanel<W>& panel, SentColumns<Delta> sent, std::span<Sum> memory,  \
                   RowWorkers*) {                                                                \
    add_columns_reference(panel, sent, memory);                                                  \
  }                                                                                              \
  void add_dense(const ColumnPanel<W>& panel, std::span<const Delta> x, std::span<Sum> memory,   \
                 RowWorkers*) {                                                                  \
    add_dense_simply(panel, x, memory);                                                          \
  }                                                                                              \
  template <>                                                                                    \
  void add_columns_of_streams(const ColumnPanel<W>& panel,                                       \
                              std::span<const StreamColumns<Delta, Sum>> streams, RowWorkers*) { \
    for (const auto& stream : streams) add_columns_reference(panel, stream.sent, stream.memory); \
  }
DELTAHOP_PRODUCTS(float, float, float)
DELTAHOP_PRODUCTS(int8_t, int16_t, int32_t)
DELTAHOP_PRODUCTS(int8_t, int16_t, int64_t)
DELTAHOP_PRODUCTS(int16_t, int16_t, int32_t)
DELTAHOP_PRODUCTS(int16_t, int16_t, int64_t)
#undef DELTAHOP_PRODUCTS

}  // namespace deltahop
