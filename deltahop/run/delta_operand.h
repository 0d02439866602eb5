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

// W, Sum as in kernels/delta_matvec.h.
template <class W, class Sum>
class DeltaOperand {
 public:
  static constexpr bool kIsFloat = std::is_same_v<W, float>;
  using Delta = std::conditional_t<kIsFloat, float, int16_t>;

  DeltaOperand() = default;
  DeltaOperand(ColumnPanel<W> panel, const OperandOptions& options)
      : panel_(std::move(panel)), options_(options) {
    const auto columns = static_cast<size_t>(panel_.columns());
    const auto streams = static_cast<size_t>(options.streams);
    sent_.resize(columns * streams, Delta{});
    indices_.resize((columns + kSentSlack) * streams);
    deltas_.resize((columns + kSentSlack) * streams);
    lists_.resize(streams);
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

  // For every stream: memory += panel * (what of its values is sent); in full: memory += panel * values.
  // values: [streams][columns]; memories: [streams][stride], of which this panel feeds rows from first_row
  // on.
  void add(std::span<const float> values, std::span<Sum> memories, int64_t stride, int64_t first_row,
           RowWorkers* workers) {
    const auto columns = static_cast<size_t>(panel_.columns()), rows = static_cast<size_t>(panel_.rows());
    for (int64_t stream = 0; stream < options_.streams; ++stream) {
      const auto own = values.subspan(static_cast<size_t>(stream) * columns, columns);
      if (options_.record_largest) record(own);
      StreamColumns<Delta, Sum>& list = lists_[static_cast<size_t>(stream)];
      list.memory = memories.subspan(static_cast<size_t>(stream * stride + first_row), rows);
      list.sent = options_.delta ? changes(bounded(own), stream) : everything(bounded(own), stream);
      ++counts_.steps;
      counts_.sent += list.sent.count;
    }
    if (options_.streams > 1) {
      for (const auto& list : lists_) counts_.read += list.sent.count;
      counts_.dense_steps += options_.delta ? 0 : options_.streams;
      add_columns_of_streams(panel_, std::span<const StreamColumns<Delta, Sum>>(lists_), workers);
    } else {
      add_one(lists_.front(), workers);
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
  // Both paths give the same bits; which is faster was measured.
  void add_one(const StreamColumns<Delta, Sum>& list, RowWorkers* workers) {
    if (options_.delta && list.sent.count < options_.dense_from) {
      counts_.read += list.sent.count;
      add_columns(panel_, list.sent, list.memory, workers);
      return;
    }
    ++counts_.dense_steps;
    counts_.read += panel_.columns();
    std::span<const Delta> all(list.sent.deltas, static_cast<size_t>(list.sent.count));
    if (list.sent.count < panel_.columns()) {  // the gaps of what was not sent are zeros
      scatter(list.sent, std::span<Delta>(dense_));
      all = dense_;
    }
    add_dense(panel_, all, list.memory, workers);
  }

  SentColumns<Delta> changes(std::span<const float> values, int64_t stream) {
    const auto columns = static_cast<size_t>(panel_.columns());
    const std::span<Delta> sent = std::span(sent_).subspan(static_cast<size_t>(stream) * columns, columns);
    SentColumns<Delta> list;
    uint32_t* const indices = &indices_[static_cast<size_t>(stream) * (columns + kSentSlack)];
    Delta* const deltas = &deltas_[static_cast<size_t>(stream) * (columns + kSentSlack)];
    if constexpr (kIsFloat) {
      list.count = encode_delta(values, sent, static_cast<float>(options_.threshold), indices, deltas);
    } else {
      list.count =
          encode_delta(values, static_cast<float>(options_.scale), sent, code_threshold_, indices, deltas);
    }
    list.indices = indices;
    list.deltas = deltas;
    return list;
  }

  SentColumns<Delta> everything(std::span<const float> values, int64_t stream) {
    const size_t first = static_cast<size_t>(stream) * (values.size() + kSentSlack);
    for (size_t i = 0; i < values.size(); ++i) {
      indices_[first + i] = static_cast<uint32_t>(i);
      if constexpr (kIsFloat)
        deltas_[first + i] = values[i];
      else
        deltas_[first + i] =
            static_cast<int16_t>(std::nearbyint(values[i] * static_cast<float>(options_.scale)));
    }
    return {&indices_[first], &deltas_[first], panel_.columns()};
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
  std::vector<Delta> sent_;        // [streams][columns]: what the memories stand for
  std::vector<uint32_t> indices_;  // [streams][columns and slack], as the next
  std::vector<Delta> deltas_;
  std::vector<StreamColumns<Delta, Sum>> lists_;
  std::vector<Delta> dense_;
  std::vector<float> bounded_;
  StreamStatistics counts_;
  double largest_ = 0;
};

}  // namespace deltahop
