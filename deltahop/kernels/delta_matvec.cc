// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/delta_matvec.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "deltahop/base/error.h"
#include "deltahop/kernels/delta_columns.h"
#include "deltahop/kernels/row_workers.h"

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
  return std::is_same_v<W, float> ? 0 : std::abs(static_cast<int64_t>(w));
}

// w + 128 as an unsigned byte, and back: the same flip of the highest bit.
template <class W>
W stored_byte(W w) {
  if constexpr (std::is_same_v<W, int8_t>) return static_cast<int8_t>(w ^ -128);
  return w;
}

}  // namespace

template <class W>
ColumnPanel<W>::ColumnPanel(int64_t rows, int64_t columns, std::span<const W> row_major)
    : rows_(rows), columns_(columns) {
  DELTAHOP_CHECK(rows >= 0 && columns >= 0 && static_cast<int64_t>(row_major.size()) == rows * columns);
  if constexpr (std::is_same_v<W, int8_t>) byte_products_ = delta_columns::has_byte_products();
  constexpr int64_t kLineWeights = kLine / static_cast<int64_t>(sizeof(W));
  stride_ = (round_up(rows, kLineWeights) / kLineWeights | 1) * kLineWeights;
  const std::shared_ptr<W> weights = zeroed_panel<W>(stride_ * columns);
  for (int64_t first = 0; first < rows;
       first += delta_columns::kRowUnit) {  // few rows: a line is filled while near
    for (int64_t k = 0; k < columns; ++k) {
      W* const column = weights.get() + k * stride_;
      for (int64_t r = first; r < std::min(first + delta_columns::kRowUnit, rows); ++r) {
        const W w = row_major[static_cast<size_t>(r * columns + k)];
        column[byte_products_ ? delta_columns::byte_of_row(r) : r] = byte_products_ ? stored_byte(w) : w;
        largest_magnitude_ = std::max(largest_magnitude_, magnitude(w));
      }
    }
  }
  weights_ = weights;
}

template <class W>
W ColumnPanel<W>::at(int64_t row, int64_t column) const {
  const W* const weights = data() + column * stride_;
  return byte_products_ ? stored_byte(weights[delta_columns::byte_of_row(row)]) : weights[row];
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
    for (size_t r = 0; r < bounds.size(); ++r) {
      bounds[r] += magnitude(panel.at(static_cast<int64_t>(r), k)) * largest_input;
    }
  }
}

template void add_row_bounds(const ColumnPanel<int8_t>&, int64_t, std::span<int64_t>);
template void add_row_bounds(const ColumnPanel<int16_t>&, int64_t, std::span<int64_t>);

bool fits_32_bits(std::span<const int64_t> bounds) {
  return std::all_of(bounds.begin(), bounds.end(), [](int64_t bound) { return bound < int64_t{1} << 31; });
}

namespace {

using delta_columns::kRowUnit;

template <class W, class Delta, class Sum>
delta_columns::Job<W, Delta, Sum> job_of(const ColumnPanel<W>& panel, const SentColumns<Delta>& sent,
                                         std::span<Sum> memory) {
  DELTAHOP_CHECK(static_cast<int64_t>(memory.size()) == panel.rows());
  return {.weights = panel.data(),
          .stride = panel.stride(),
          .indices = sent.indices,
          .deltas = sent.deltas,
          .count = sent.count,
          .memory = memory.data(),
          .begin = 0,
          .end = panel.rows(),
          .largest_weight = panel.largest_magnitude()};
}

template <class W, class Delta, class Sum>
void run_job(const ColumnPanel<W>& panel, const delta_columns::Job<W, Delta, Sum>& job) {
  if constexpr (std::is_same_v<W, int8_t>) {
    if (panel.byte_products()) return delta_columns::run_byte_products(job);
  }
  delta_columns::run(job);
}

constexpr int64_t kScratchRows = 16384;  // 64 KiB of 32-bit sums

// Sums of 64 bits: so many columns at once as certainly fit 32 bits go into scratch, which is then added.
template <class W>
void run_job(const ColumnPanel<W>& panel, const delta_columns::Job<W, int16_t, int64_t>& job) {
  const int64_t piece = delta_columns::products_that_fit(job);
  if constexpr (std::is_same_v<W, int16_t>) {
    if (piece < 4) return delta_columns::run(job);
  }
  alignas(64) int32_t sums[kScratchRows];
  for (int64_t begin = job.begin; begin < job.end; begin += kScratchRows) {
    const int64_t rows = std::min(kScratchRows, job.end - begin);
    for (int64_t first = 0; first < job.count; first += piece) {
      std::fill(sums, sums + rows, 0);
      const auto* const indices = job.indices == nullptr ? nullptr : job.indices + first;
      const W* const weights = job.weights + begin + (indices == nullptr ? first * job.stride : 0);
      run_job(panel, delta_columns::Job<W, int16_t, int32_t>{.weights = weights,
                                                             .stride = job.stride,
                                                             .indices = indices,
                                                             .deltas = job.deltas + first,
                                                             .count = std::min(piece, job.count - first),
                                                             .memory = sums,
                                                             .begin = 0,
                                                             .end = rows,
                                                             .largest_weight = job.largest_weight});
      delta_columns::add_widened(sums, job.memory + begin, rows);
    }
  }
}

// Calls body(begin, end) for each worker's share of the rows.
template <class Body>
void for_row_shares(int64_t rows, RowWorkers* workers, const Body& body) {
  if (workers == nullptr || workers->threads() == 1 || rows < 2 * kRowUnit) return body(0, rows);
  const int64_t units = (rows + kRowUnit - 1) / kRowUnit;
  const auto edge = [&](int64_t piece) {
    return std::min(units * piece / workers->threads() * kRowUnit, rows);
  };
  workers->run([&](int piece) {
    if (edge(piece) < edge(piece + 1)) body(edge(piece), edge(piece + 1));
  });
}

template <class W, class Delta, class Sum>
void add_job(const ColumnPanel<W>& panel, const delta_columns::Job<W, Delta, Sum>& job, RowWorkers* workers) {
  if (job.count == 0) return;
  for_row_shares(panel.rows(), workers, [&](int64_t begin, int64_t end) {
    auto share = job;
    share.begin = begin, share.end = end;
    run_job(panel, share);
  });
}

// What a block of rows of one stream's columns may hold, so that it stays near for the next stream.
constexpr int64_t kStreamBlockBytes = 512 << 10;

template <class W, class Delta, class Sum>
int64_t rows_of_block(const ColumnPanel<W>& panel, std::span<const StreamColumns<Delta, Sum>> streams) {
  int64_t most = 1;  // columns of a stream
  for (const StreamColumns<Delta, Sum>& stream : streams) most = std::max(most, stream.sent.count);
  const int64_t units = kStreamBlockBytes / (most * static_cast<int64_t>(sizeof(W)) * kRowUnit);
  return std::clamp<int64_t>(units, 1, (panel.rows() + kRowUnit - 1) / kRowUnit + 1) * kRowUnit;
}

// The first kTogether streams send all columns, and so may go together.
template <class W, class Delta, class Sum>
bool first_go_together(const ColumnPanel<W>& panel, std::span<const StreamColumns<Delta, Sum>> streams) {
  if (streams.size() < delta_columns::kTogether) return false;
  const auto first = streams.first(delta_columns::kTogether);
  return std::all_of(first.begin(), first.end(),
                     [&](const auto& stream) { return stream.sent.count == panel.columns(); });
}

void run_together(const ColumnPanel<float>& panel, std::span<const StreamColumns<float, float>> streams,
                  int64_t begin, int64_t end) {
  delta_columns::FourStreams job{.weights = panel.data(),
                                 .stride = panel.stride(),
                                 .columns = panel.columns(),
                                 .begin = begin,
                                 .end = end};
  for (size_t s = 0; s < delta_columns::kTogether; ++s) {
    job.x[s] = streams[s].sent.deltas;
    job.memory[s] = streams[s].memory.data();
  }
  delta_columns::run(job);
}

// Rows [begin, end) of all streams.
template <class W, class Delta, class Sum>
void run_streams(const ColumnPanel<W>& panel, std::span<const StreamColumns<Delta, Sum>> streams,
                 int64_t begin, int64_t end) {
  while (!streams.empty()) {
    if constexpr (std::is_same_v<W, float>) {
      if (first_go_together(panel, streams)) {
        run_together(panel, streams, begin, end);
        streams = streams.subspan(delta_columns::kTogether);
        continue;
      }
    }
    auto job = job_of(panel, streams.front().sent, streams.front().memory);
    job.begin = begin, job.end = end;
    if (job.count > 0) run_job(panel, job);
    streams = streams.subspan(1);
  }
}

template <class W, class Delta, class Sum>
void add_streams(const ColumnPanel<W>& panel, std::span<const StreamColumns<Delta, Sum>> streams,
                 RowWorkers* workers) {
  for (const auto& stream : streams)
    DELTAHOP_CHECK(static_cast<int64_t>(stream.memory.size()) == panel.rows());
  const int64_t block = rows_of_block(panel, streams);
  for_row_shares(panel.rows(), workers, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row += block) {
      run_streams(panel, streams, row, std::min(row + block, end));
    }
  });
}

}  // namespace

#define DELTAHOP_PRODUCTS(W, Delta, Sum)                                                                    \
  void add_columns(const ColumnPanel<W>& panel, SentColumns<Delta> sent, std::span<Sum> memory,             \
                   RowWorkers* workers) {                                                                   \
    add_job(panel, job_of(panel, sent, memory), workers);                                                   \
  }                                                                                                         \
  void add_dense(const ColumnPanel<W>& panel, std::span<const Delta> x, std::span<Sum> memory,              \
                 RowWorkers* workers) {                                                                     \
    DELTAHOP_CHECK(static_cast<int64_t>(x.size()) == panel.columns());                                      \
    add_job(panel, job_of(panel, SentColumns<Delta>{nullptr, x.data(), panel.columns()}, memory), workers); \
  }                                                                                                         \
  void add_columns_of_streams(const ColumnPanel<W>& panel,                                                  \
                              std::span<const StreamColumns<Delta, Sum>> streams, RowWorkers* workers) {    \
    add_streams(panel, streams, workers);                                                                   \
  }
DELTAHOP_PRODUCTS(float, float, float)
DELTAHOP_PRODUCTS(int8_t, int16_t, int32_t)
DELTAHOP_PRODUCTS(int8_t, int16_t, int64_t)
DELTAHOP_PRODUCTS(int16_t, int16_t, int32_t)
DELTAHOP_PRODUCTS(int16_t, int16_t, int64_t)
#undef DELTAHOP_PRODUCTS

}  // namespace deltahop
