// SPDX-License-Identifier: Apache-2.0
// One matrix and the streams of values that it multiplies: which elements changed enough to be sent, and
// their columns added to memories that the caller keeps. Everything that a session multiplies goes through
// here, so this is also where columns are counted.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include "deltahop/kernels/delta_matvec.h"
#include "deltahop/run/session_statistics.h"
#include "deltahop/run/state_bytes.h"

namespace deltahop {

// Codes of values stay below this magnitude, so that the difference of two of them always fits 16 bits and
// nothing of it is ever left for the next step: at threshold 0, deltas are exact.
inline constexpr int64_t kLargestCode = 16383;

struct OperandOptions {
  bool delta = true;  // false: every step multiplies all columns by the values themselves
  double threshold = 0.0;
  double scale = 1.0;  // codes a unit; float panels: unused
  int64_t streams = 1;
  // From so many sent columns on all of them are read; above the number of columns: never.
  int64_t dense_from = std::numeric_limits<int64_t>::max();
  bool record_largest = false;
};

template <class W>
class DeltaOperand {
 public:
  static constexpr bool kIsFloat = std::is_same_v<W, float>;
  using Delta = std::conditional_t<kIsFloat, float, int16_t>;

  DeltaOperand() = default;
  DeltaOperand(ColumnPanel<W> panel, const OperandOptions& options)
      : panel_(std::move(panel)), options_(options) {
    const auto columns = static_cast<size_t>(panel_.columns());
    sent_.resize(columns * static_cast<size_t>(options.streams), Delta{});
    indices_.resize(columns + kSentSlack);
    deltas_.resize(columns + kSentSlack);
    dense_.resize(columns);
    if (!kIsFloat) bounded_.resize(columns);
    // |d| >= theta for whole codes; a threshold that is a whole number of codes stays one.
    const double codes = std::ceil(options.threshold * options.scale * (1 - 1e-9));
    code_threshold_ = static_cast<int32_t>(std::min(codes, 65535.0));
    counts_.rows = panel_.rows();
    counts_.columns = panel_.columns();
    counts_.column_bytes = panel_.rows() * static_cast<int64_t>(sizeof(W));
    counts_.threshold = options.threshold;
    counts_.is_delta = options.delta;
    if (options.dense_from != std::numeric_limits<int64_t>::max()) counts_.dense_from = options.dense_from;
  }

  // memory += panel * (what of `values` is sent), for one of the streams; in full: memory += panel * values.
  template <class Sum>
  void add(std::span<const float> values, int64_t stream, std::span<Sum> memory, RowWorkers* workers) {
    if (options_.record_largest) record(values);
    values = bounded(values);
    ++counts_.steps;
    if (options_.delta) {
      add_changes(values, stream, memory, workers);
      return;
    }
    ++counts_.dense_steps;
    counts_.sent += panel_.columns();
    counts_.read += panel_.columns();
    if constexpr (kIsFloat) {
      add_dense(panel_, values, memory, workers);
    } else {
      for (size_t i = 0; i < dense_.size(); ++i)
        dense_[i] = static_cast<int16_t>(std::nearbyint(values[i] * static_cast<float>(options_.scale)));
      add_dense(panel_, std::span<const int16_t>(dense_), memory, workers);
    }
  }

  void reset() { std::fill(sent_.begin(), sent_.end(), Delta{}); }
  void clear_statistics() {
    counts_.steps = counts_.sent = counts_.read = counts_.dense_steps = counts_.saturated = 0;
    largest_ = 0;
  }
  void save(StateWriter& writer) const { writer.add(std::span<const Delta>(sent_)); }
  void restore(StateReader& reader) { reader.fill(std::span<Delta>(sent_)); }

  const ColumnPanel<W>& panel() const { return panel_; }
  // Names of layer, stream and gates are for the owner to fill in.
  StreamStatistics& statistics() { return counts_; }
  const StreamStatistics& statistics() const { return counts_; }
  double largest() const { return largest_; }

 private:
  template <class Sum>
  void add_changes(std::span<const float> values, int64_t stream, std::span<Sum> memory,
                   RowWorkers* workers) {
    const std::span<Delta> sent = std::span(sent_).subspan(static_cast<size_t>(stream * panel_.columns()),
                                                           static_cast<size_t>(panel_.columns()));
    SentColumns<Delta> list{indices_.data(), deltas_.data(), 0};
    if constexpr (kIsFloat) {
      list.count =
          encode_delta(values, sent, static_cast<float>(options_.threshold), indices_.data(), deltas_.data());
    } else {
      list.count = encode_delta(values, static_cast<float>(options_.scale), sent, code_threshold_,
                                indices_.data(), deltas_.data());
    }
    counts_.sent += list.count;
    if (list.count >= options_.dense_from) {
      ++counts_.dense_steps;
      counts_.read += panel_.columns();
      scatter(list, std::span<Delta>(dense_));
      add_dense(panel_, std::span<const Delta>(dense_), memory, workers);
    } else {
      counts_.read += list.count;
      add_columns(panel_, list, memory, workers);
    }
  }

  // Integers: within the range that codes can hold.
  std::span<const float> bounded(std::span<const float> values) {
    if constexpr (kIsFloat) return values;
    const float bound = static_cast<float>(static_cast<double>(kLargestCode) / options_.scale);
    int64_t beyond = 0;
    for (size_t i = 0; i < bounded_.size(); ++i) {
      const float value = values[i];
      const float low = value > -bound ? value : -bound;  // also where it is not a number
      bounded_[i] = low > bound ? bound : low;
      beyond += bounded_[i] != value ? 1 : 0;
    }
    counts_.saturated += beyond;
    return bounded_;
  }

  void record(std::span<const float> values) {
    float largest = 0;
    for (const float value : values) largest = std::max(largest, std::fabs(value));
    largest_ = std::max(largest_, static_cast<double>(largest));
  }

  ColumnPanel<W> panel_;
  OperandOptions options_;
  int32_t code_threshold_ = 0;
  std::vector<Delta> sent_;  // [streams][columns]: what the memories stand for
  std::vector<uint32_t> indices_;
  std::vector<Delta> deltas_, dense_;
  std::vector<float> bounded_;
  StreamStatistics counts_;
  double largest_ = 0;
};

}  // namespace deltahop
