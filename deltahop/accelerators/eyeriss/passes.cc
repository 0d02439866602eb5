// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/eyeriss/passes.h"

#include <algorithm>
#include <cmath>

namespace deltahop::eyeriss {
namespace {

int64_t blocks(int64_t whole, int64_t part) { return (whole + part - 1) / part; }

struct Piece {
  int64_t times, size;
};

// A dimension cut into pieces: the full ones and the rest.
std::vector<Piece> cut(int64_t whole, int64_t part) {
  std::vector<Piece> pieces;
  if (whole / part > 0) pieces.push_back({whole / part, part});
  if (whole % part > 0) pieces.push_back({1, whole % part});
  return pieces;
}

std::vector<Piece> cut_filters(const LayerShape& layer, const Mapping& mapping) {
  std::vector<Piece> pieces;
  for (const Piece& kept : cut(layer.filters, mapping.m)) {
    for (const Piece& pass : cut(kept.size, mapping.pass_filters()))
      pieces.push_back({kept.times * pass.times, pass.size});
  }
  return pieces;
}

ArrayCounts count_kind(const LayerShape& layer, const Mapping& mapping, const Rates& rates,
                       const PassKind& kind) {
  const int64_t filters_each = std::min(mapping.p, kind.filters);
  const int64_t channels_each = std::min(mapping.q, kind.channels);
  const int64_t rows_in = layer.rows_used(kind.rows);
  const int64_t taps = layer.kernel_rows * layer.kernel_columns;
  const int64_t sums = kind.pictures * kind.filters * kind.rows * layer.out_columns;
  ArrayCounts counts;
  counts.compute_cycles =
      kind.pictures * filters_each * channels_each * layer.kernel_columns * layer.out_columns;
  counts.filters_sent = kind.filters * kind.channels * taps;
  counts.filters_taken = counts.filters_sent * kind.rows;
  counts.inputs_sent = kind.pictures * kind.channels * rows_in * layer.columns();
  counts.inputs_taken = kind.pictures * kind.channels * blocks(kind.filters, mapping.p) * layer.kernel_rows *
                        kind.rows * layer.columns();
  counts.sums_written = sums;
  counts.sums_read = kind.first ? 0 : sums;
  // The lowest element of a column adds what comes from the buffer, each above it what comes from below.
  const int64_t column = layer.kernel_rows * blocks(kind.channels, mapping.q);
  counts.sums_taken = counts.sums_read + sums * (column - 1);
  counts.filter_cycles = blocks(counts.filters_sent, rates.filter_bus);
  counts.window_cycles = blocks(rows_in * kind.channels * layer.kernel_columns, rates.input_bus);
  const int64_t busiest = std::max(blocks(counts.inputs_sent, rates.input_bus), blocks(sums, rates.sum_bus));
  counts.bus_cycles = std::max<int64_t>(0, busiest - counts.compute_cycles);
  counts.link_cycles = link_excess(
      counts.filters_sent,
      counts.compute_cycles + counts.filter_cycles + counts.window_cycles + counts.bus_cycles, rates);
  return counts;
}

}  // namespace

std::vector<PassKind> pass_kinds(const LayerShape& layer, const Mapping& mapping) {
  std::vector<PassKind> kinds;
  const std::vector<Piece> filters = cut_filters(layer, mapping);
  for (const Piece& pictures : cut(layer.pictures, mapping.n)) {
    for (const Piece& rows : cut(layer.out_rows, mapping.e)) {
      for (const Piece& filter : filters) {
        bool first = true;
        for (const Piece& channels : cut(layer.channels, mapping.pass_channels())) {
          const int64_t times = layer.groups * pictures.times * rows.times * filter.times;
          PassKind kind{times, pictures.size, filter.size, channels.size, rows.size, first};
          if (first) kinds.push_back(kind);
          kind.first = false;
          kind.times = times * (channels.times - (first ? 1 : 0));
          if (kind.times > 0) kinds.push_back(kind);
          first = false;
        }
      }
    }
  }
  return kinds;
}

ArrayCounts& ArrayCounts::operator+=(const ArrayCounts& other) {
  compute_cycles += other.compute_cycles;
  filter_cycles += other.filter_cycles;
  window_cycles += other.window_cycles;
  bus_cycles += other.bus_cycles;
  link_cycles += other.link_cycles;
  inputs_sent += other.inputs_sent;
  inputs_taken += other.inputs_taken;
  filters_sent += other.filters_sent;
  filters_taken += other.filters_taken;
  sums_read += other.sums_read;
  sums_written += other.sums_written;
  sums_taken += other.sums_taken;
  macs_done += other.macs_done;
  macs_zero += other.macs_zero;
  macs_padding += other.macs_padding;
  return *this;
}

ArrayCounts count_passes(const LayerShape& layer, const Mapping& mapping, const Rates& rates) {
  ArrayCounts sum;
  for (const PassKind& kind : pass_kinds(layer, mapping)) {
    ArrayCounts counts = count_kind(layer, mapping, rates, kind);
    for (int64_t* count :
         {&counts.compute_cycles, &counts.filter_cycles, &counts.window_cycles, &counts.bus_cycles,
          &counts.link_cycles, &counts.inputs_sent, &counts.inputs_taken, &counts.filters_sent,
          &counts.filters_taken, &counts.sums_read, &counts.sums_written, &counts.sums_taken})
      *count *= kind.times;
    sum += counts;
  }
  return sum;
}

int64_t link_excess(int64_t filter_words, int64_t pass_cycles, const Rates& rates) {
  const double needed = static_cast<double>(filter_words * rates.word_bits) / rates.link_bits;
  return std::max<int64_t>(0, static_cast<int64_t>(std::ceil(needed)) - pass_cycles);
}

int64_t input_fetches(const LayerShape& layer, const Mapping& mapping) {
  return blocks(layer.filters, mapping.m);
}

int64_t fetched_filter_words(const LayerShape& layer, const Mapping& mapping) {
  return layer.groups * layer.filters * layer.channels * layer.kernel_rows * layer.kernel_columns *
         blocks(layer.pictures, mapping.n) * blocks(layer.out_rows, mapping.e);
}

}  // namespace deltahop::eyeriss
