// SPDX-License-Identifier: Apache-2.0
// Matrix-vector products that touch only the columns whose input has changed: M += W(:, k) * delta(k) for
// each sent k, and the threshold test that makes the list of sent columns. [Neil2017] section 2; the columns
// of a panel are contiguous, so that each is one burst.
//   const int64_t count = encode_delta(x, x_hat, theta, indices, deltas);
//   add_columns(panel, {indices, deltas, count}, memory);
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

namespace deltahop {

class RowWorkers;

// A constant matrix, column by column. Each column starts on a cache line of its own, an odd number of lines
// after the one before, so that a row of several columns does not fall into one set of the cache. W: float,
// int8_t, int16_t. Copies share the weights. In which order a column holds its rows is the kernels' affair
// (see delta_columns.h); at() knows.
template <class W>
class ColumnPanel {
 public:
  ColumnPanel() = default;
  ColumnPanel(int64_t rows, int64_t columns, std::span<const W> row_major);

  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  W at(int64_t row, int64_t column) const;
  // What one active column reads: whole cache lines.
  int64_t column_bytes() const;
  // The largest |w|, rounded down; at most 2^15 for integers.
  int64_t largest_magnitude() const { return largest_magnitude_; }

  // For the kernels.
  const W* data() const { return weights_.get(); }
  int64_t stride() const { return stride_; }             // of two columns, in weights
  bool byte_products() const { return byte_products_; }  // as run_byte_products wants it

 private:
  int64_t rows_ = 0, columns_ = 0, stride_ = 0, largest_magnitude_ = 0;
  bool byte_products_ = false;
  std::shared_ptr<const W> weights_;
};

extern template class ColumnPanel<float>;
extern template class ColumnPanel<int8_t>;
extern template class ColumnPanel<int16_t>;

// --- which columns are sent
// -------------------------------------------------------------------------------------

// The arrays that encode_delta fills need room for x.size() + kSentSlack entries: whole vectors are stored.
inline constexpr int64_t kSentSlack = 64;

// The columns of one step. Indices rise.
template <class Delta>
struct SentColumns {
  const uint32_t* indices = nullptr;
  const Delta* deltas = nullptr;
  int64_t count = 0;
};

// d = x - x_hat; sent if d != 0 and |d| >= theta; then x_hat += what was sent. Returns how many were sent.
// A NaN is never sent.
int64_t encode_delta(std::span<const float> x, std::span<float> x_hat, float theta, uint32_t* indices,
                     float* deltas);
// The same for codes: the 17-bit difference is tested, then held within 16 bits, and x_hat advances by what
// was sent. So x_hat never leaves the range between its start and the largest and smallest x.
int64_t encode_delta(std::span<const int16_t> x, std::span<int16_t> x_hat, int32_t theta, uint32_t* indices,
                     int16_t* deltas);
// x: nearest codes of values * scale, ties to even, held within 16 bits; then as above.
int64_t encode_delta(std::span<const float> values, float scale, std::span<int16_t> x_hat, int32_t theta,
                     uint32_t* indices, int16_t* deltas);

// --- when 32-bit sums are enough
// --------------------------------------------------------------------------------

// Adds (L1 norm of row r) * largest_input to bounds[r]. largest_input: the largest |x| that the codes may
// take.
//
// What must fit is the memory after each call, nothing between: the sums of one call are taken modulo 2^32,
// which is exact wherever the true result fits. As x_hat is the sum of all deltas sent, that result is
//   M = start + sum over the panels that feed the row of W * x_hat,
// and as |x_hat| never passes the largest |x|, it is bounded by |start| + sum of (row L1 norm * largest |x|),
// however many steps there are and whatever the deltas were: the deltas themselves (up to twice as large)
// need no bound.
template <class W>
void add_row_bounds(const ColumnPanel<W>& panel, int64_t largest_input, std::span<int64_t> bounds);
// Every bound is below 2^31: the load-time proof. bounds start as |start value| of each row.
bool fits_32_bits(std::span<const int64_t> bounds);

// --- the products
// -----------------------------------------------------------------------------------------------

// memory[r] += sum over k of panel(r, indices[k]) * deltas[k]; memory has panel.rows() numbers.
// Float sums run over k in the order given, one fused multiply-add after another where the machine has it, so
// that neither threads nor the dense path change a bit. int32_t only under the proof above; int64_t always is
// exact. workers: null for the caller's thread only.
void add_columns(const ColumnPanel<float>&, SentColumns<float>, std::span<float> memory,
                 RowWorkers* workers = nullptr);
void add_columns(const ColumnPanel<int8_t>&, SentColumns<int16_t>, std::span<int32_t> memory,
                 RowWorkers* workers = nullptr);
void add_columns(const ColumnPanel<int8_t>&, SentColumns<int16_t>, std::span<int64_t> memory,
                 RowWorkers* workers = nullptr);
void add_columns(const ColumnPanel<int16_t>&, SentColumns<int16_t>, std::span<int32_t> memory,
                 RowWorkers* workers = nullptr);
void add_columns(const ColumnPanel<int16_t>&, SentColumns<int16_t>, std::span<int64_t> memory,
                 RowWorkers* workers = nullptr);

// memory[r] += sum over all k of panel(r, k) * x[k]: the dense path. With x the deltas of encode_delta (zeros
// where nothing was sent, see scatter), the result is add_columns' bit by bit, in float too.
void add_dense(const ColumnPanel<float>&, std::span<const float> x, std::span<float> memory,
               RowWorkers* workers = nullptr);
void add_dense(const ColumnPanel<int8_t>&, std::span<const int16_t> x, std::span<int32_t> memory,
               RowWorkers* workers = nullptr);
void add_dense(const ColumnPanel<int8_t>&, std::span<const int16_t> x, std::span<int64_t> memory,
               RowWorkers* workers = nullptr);
void add_dense(const ColumnPanel<int16_t>&, std::span<const int16_t> x, std::span<int32_t> memory,
               RowWorkers* workers = nullptr);
void add_dense(const ColumnPanel<int16_t>&, std::span<const int16_t> x, std::span<int64_t> memory,
               RowWorkers* workers = nullptr);

// out = panel * x.
template <class W, class Delta, class Sum>
void multiply_dense(const ColumnPanel<W>& panel, std::span<const Delta> x, std::span<Sum> out,
                    RowWorkers* workers = nullptr) {
  std::fill(out.begin(), out.end(), Sum{});
  add_dense(panel, x, out, workers);
}

// dense[k] = what was sent for column k, else 0.
template <class Delta>
void scatter(SentColumns<Delta> sent, std::span<Delta> dense) {
  std::fill(dense.begin(), dense.end(), Delta{});
  for (int64_t k = 0; k < sent.count; ++k) dense[sent.indices[k]] = sent.deltas[k];
}

// Several streams (or several steps of one whose inputs are all known), each with its own list and memory,
// through the same weights: a block of rows of the panel is read once for all of them. The result is that of
// add_columns for each.
template <class Delta, class Sum>
struct StreamColumns {
  SentColumns<Delta> sent;
  std::span<Sum> memory;
};
void add_columns_of_streams(const ColumnPanel<float>&, std::span<const StreamColumns<float, float>>,
                            RowWorkers* workers = nullptr);
void add_columns_of_streams(const ColumnPanel<int8_t>&, std::span<const StreamColumns<int16_t, int32_t>>,
                            RowWorkers* workers = nullptr);
void add_columns_of_streams(const ColumnPanel<int8_t>&, std::span<const StreamColumns<int16_t, int64_t>>,
                            RowWorkers* workers = nullptr);
void add_columns_of_streams(const ColumnPanel<int16_t>&, std::span<const StreamColumns<int16_t, int32_t>>,
                            RowWorkers* workers = nullptr);
void add_columns_of_streams(const ColumnPanel<int16_t>&, std::span<const StreamColumns<int16_t, int64_t>>,
                            RowWorkers* workers = nullptr);

// --- slow and clear
// ---------------------------------------------------------------------------------------------

inline int64_t encode_delta_reference(std::span<const float> x, std::span<float> x_hat, float theta,
                                      uint32_t* indices, float* deltas) {
  int64_t count = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const float d = x[i] - x_hat[i];
    if (!(d != 0 && (d >= theta || -d >= theta))) continue;
    x_hat[i] += d;
    indices[count] = static_cast<uint32_t>(i);
    deltas[count++] = d;
  }
  return count;
}

inline int64_t encode_delta_reference(std::span<const int16_t> x, std::span<int16_t> x_hat, int32_t theta,
                                      uint32_t* indices, int16_t* deltas) {
  int64_t count = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const int32_t d = int32_t{x[i]} - x_hat[i];
    if (!(d != 0 && (d >= theta || -d >= theta))) continue;
    const int32_t sent =
        std::clamp<int32_t>(d, std::numeric_limits<int16_t>::min(), std::numeric_limits<int16_t>::max());
    x_hat[i] = static_cast<int16_t>(x_hat[i] + sent);
    indices[count] = static_cast<uint32_t>(i);
    deltas[count++] = static_cast<int16_t>(sent);
  }
  return count;
}

template <class W, class Delta, class Sum>
void add_columns_reference(const ColumnPanel<W>& panel, SentColumns<Delta> sent, std::span<Sum> memory) {
  for (int64_t k = 0; k < sent.count; ++k) {
    for (size_t r = 0; r < memory.size(); ++r) {
      const Sum weight = panel.at(static_cast<int64_t>(r), sent.indices[k]);
      memory[r] = static_cast<Sum>(memory[r] + weight * Sum{sent.deltas[k]});
    }
  }
}

}  // namespace deltahop
