// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/break_even.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <mutex>
#include <numeric>
#include <type_traits>
#include <utility>
#include <vector>

#include "deltahop/base/random.h"
#include "deltahop/kernels/delta_matvec.h"
#include "deltahop/run/call_time.h"

namespace deltahop {
namespace {

constexpr int64_t kMostWeights =
    8 << 20;  // of the panel that is measured; what a column costs changes little beyond
constexpr int kRounds = 7;
constexpr double kLeastSeconds = 30e-6;  // of one measurement
constexpr double kWorthwhile = 0.97;  // the dense product must be this much faster at all columns to be taken

double median(std::array<double, kRounds> values) {
  std::sort(values.begin(), values.end());
  return values[kRounds / 2];
}

template <class W, class Sum>
class Measurement {
 public:
  using Delta = std::conditional_t<std::is_same_v<W, float>, float, int16_t>;

  Measurement(int64_t rows, int64_t columns)
      : panel_(rows, columns, std::vector<W>(static_cast<size_t>(rows * columns))),
        deltas_(static_cast<size_t>(columns), Delta{1}),
        dense_(deltas_.size()),
        order_(deltas_.size()),
        memory_(static_cast<size_t>(rows)) {
    std::iota(order_.begin(), order_.end(), 0u);
  }

  // The share of columns from which the dense product is faster; above 1: none.
  double break_even_share() {
    std::array<double, kRounds> half, whole, dense;
    const auto columns = static_cast<int64_t>(deltas_.size());
    for (size_t round = 0; round < kRounds; ++round) {  // in turn, so that a slow moment falls on all
      half[round] = by_list(columns / 2);
      whole[round] = by_list(columns);
      dense[round] = by_all();
    }
    if (median(dense) > kWorthwhile * median(whole)) return 2;
    const int64_t more = columns - columns / 2;
    const double each = (median(whole) - median(half)) / static_cast<double>(more);
    const double fixed = median(whole) - each * static_cast<double>(columns);
    return each > 0 ? std::max(median(dense) - fixed, 0.0) / each / static_cast<double>(columns) : 2;
  }

 private:
  double by_list(int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      const int64_t other = random_.integer(i, static_cast<int64_t>(order_.size()) - 1);
      std::swap(order_[static_cast<size_t>(i)], order_[static_cast<size_t>(other)]);
    }
    std::vector<uint32_t> indices(order_.begin(), order_.begin() + count);
    std::sort(indices.begin(), indices.end());
    return seconds_of_call(kLeastSeconds, [&] {
      add_columns(panel_, {indices.data(), deltas_.data(), count}, std::span(memory_));
    });
  }
  double by_all() {
    std::vector<uint32_t> indices = order_;
    std::sort(indices.begin(), indices.end());
    const SentColumns<Delta> sent{indices.data(), deltas_.data(), static_cast<int64_t>(indices.size())};
    return seconds_of_call(kLeastSeconds, [&] {
      scatter(sent, std::span(dense_));
      add_dense(panel_, std::span<const Delta>(dense_), std::span(memory_));
    });
  }

  ColumnPanel<W> panel_;
  std::vector<Delta> deltas_, dense_;
  std::vector<uint32_t> order_;
  std::vector<Sum> memory_;
  Random random_{1};
};

}  // namespace

template <class W, class Sum>
int64_t break_even_columns(int64_t rows, int64_t columns) {
  if (rows == 0 || columns == 0) return columns + 1;
  // Not a setting but a property of the machine: found once, the same for all.
  static std::mutex mutex;
  static std::map<std::pair<int64_t, int64_t>, int64_t> known;
  const std::lock_guard lock(mutex);
  const auto [entry, is_new] = known.try_emplace({rows, columns}, 0);
  if (is_new) {
    const int64_t measured =
        std::clamp<int64_t>(kMostWeights / rows, std::min<int64_t>(columns, 16), columns);
    const double share = Measurement<W, Sum>(rows, measured).break_even_share();
    entry->second = share > 1
                        ? columns + 1
                        : std::max<int64_t>(std::llround(std::ceil(share * static_cast<double>(columns))), 1);
  }
  return entry->second;
}

template int64_t break_even_columns<float, float>(int64_t, int64_t);
template int64_t break_even_columns<int8_t, int32_t>(int64_t, int64_t);
template int64_t break_even_columns<int8_t, int64_t>(int64_t, int64_t);
template int64_t break_even_columns<int16_t, int32_t>(int64_t, int64_t);
template int64_t break_even_columns<int16_t, int64_t>(int64_t, int64_t);

}  // namespace deltahop
