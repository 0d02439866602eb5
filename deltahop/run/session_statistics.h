// SPDX-License-Identifier: Apache-2.0
// What a streaming session counts: columns of weights sent and read, and how long steps took. Nothing here
// allocates while a session runs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace deltahop {

// One matrix of one layer against one stream of values: the gates that it feeds are counted together, because
// one column holds them all.
struct StreamStatistics {
  std::string layer;   // node name
  std::string kind;    // "GRU", "LSTM", "RNN", "MatMul", ...
  std::string stream;  // "x" the input, "h" the hidden state, "rh" the reset state
  std::string gates;   // "z r h" (ONNX letters), "" for a product
  int64_t rows = 0, columns = 0;
  int64_t column_bytes = 0;  // weights of one column, without padding
  double threshold = 0;      // in the units of the values
  bool is_delta = true;      // false: multiplied in full every step
  // From so many sent columns on, reading all of them is faster on this machine (columns + 1: never); absent
  // where it was not measured.
  std::optional<int64_t> dense_from;

  int64_t steps = 0;        // times the stream was multiplied, all parallel streams together
  int64_t sent = 0;         // columns whose delta was sent (all of them where is_delta is false)
  int64_t read = 0;         // columns that were really read: more than sent where a step was done in full
  int64_t dense_steps = 0;  // steps done in full
  int64_t saturated = 0;    // values beyond the calibrated range (integers only)

  int64_t dense_columns() const { return steps * columns; }
  int64_t dense_bytes() const { return dense_columns() * column_bytes; }
  int64_t sent_bytes() const { return sent * column_bytes; }
  int64_t read_bytes() const { return read * column_bytes; }
  // The share of columns that was not sent; 0 before the first step.
  double sparsity() const;
};

struct SessionStatistics {
  int64_t steps = 0;
  std::vector<StreamStatistics> streams;  // in the order of the network

  int64_t dense_bytes() const;
  int64_t sent_bytes() const;
  int64_t read_bytes() const;
  // Columns not sent, each weighted by its weights, of all matrices that go by changes: the temporal sparsity
  // of the literature.
  double sparsity() const;
};

struct LatencySummary {
  int64_t steps = 0;
  double median_s = 0, p99_s = 0, max_s = 0, mean_s = 0;
};

// Times in buckets whose width is 1/64 of a power of two, so that the median and the 99th percentile are
// right within 1 %; mean and largest are exact. 4096 counters, never more.
class LatencyRecorder {
 public:
  void add(double seconds);
  void reset() { *this = LatencyRecorder(); }
  LatencySummary summary() const;

 private:
  static constexpr int kOctaves = 48, kParts = 64;  // from 1 ns on
  double quantile(double fraction) const;
  std::array<int64_t, kOctaves * kParts> counts_{};
  int64_t steps_ = 0;
  double sum_s_ = 0, max_s_ = 0;
};

}  // namespace deltahop
