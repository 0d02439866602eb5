// SPDX-License-Identifier: Apache-2.0
#include "deltahop/compress/tune_thresholds.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

// A threshold's next step, and what it was worth when it was last measured. Worth falls as others rise,
// mostly: so an old figure is an upper bound, and only the best one needs to be measured anew.
struct Candidate {
  size_t next = 0;  // the level that it would take
  size_t held = 0;  // levels below those that it may still take
  double worth = std::numeric_limits<double>::infinity();
  int64_t measured_at = -1;  // how many steps had been taken
  int refused = 0;           // levels in a row that lost too much
  TuneCost cost;
  bool is_done = false;
};

class Search {
 public:
  Search(const std::vector<TunedThreshold>& thresholds,
         const std::function<TuneCost(const ThresholdTable&)>& measure, const TuneOptions& options,
         const Progress& progress)
      : thresholds_(thresholds), measure_(measure), options_(options), progress_(progress) {
    for (const TunedThreshold& each : thresholds) {
      table_.by_node[each.node];  // a line each, at 0
      candidates_.emplace_back().is_done = each.levels.empty();
    }
  }

  std::vector<TunePoint> run() {
    points_.push_back({table_, measured(table_)});
    while (true) {
      const auto best =
          std::max_element(candidates_.begin(), candidates_.end(), [](const auto& a, const auto& b) {
            return (a.is_done ? -1.0 : a.worth) < (b.is_done ? -1.0 : b.worth);
          });
      if (best == candidates_.end()) break;
      if (best->is_done) {
        if (!look_again()) break;
        continue;
      }
      const auto index = static_cast<size_t>(best - candidates_.begin());
      if (best->measured_at == taken_) {
        take(index);
      } else if (measurements_ < options_.max_measurements) {
        look_at(index);
      } else {
        break;
      }
    }
    report_progress(progress_, "tune", options_.max_measurements, options_.max_measurements);
    return std::move(points_);
  }

 private:
  TuneCost measured(const ThresholdTable& table) {
    report_progress(progress_, "tune", measurements_, options_.max_measurements);
    ++measurements_;
    return measure_(table);
  }

  ThresholdTable with(size_t index) const {
    ThresholdTable table = table_;
    const TunedThreshold& own = thresholds_[index];
    DeltaThresholds& of_node = table.by_node[own.node];
    const double level = own.levels[candidates_[index].next];
    (own.kind == ThresholdKind::input    ? of_node.input
     : own.kind == ThresholdKind::hidden ? of_node.hidden
                                         : of_node.reset_hidden) = level;
    return table;
  }

  void look_at(size_t index) {
    constexpr double kLeastHarm = 1e-9;  // so that what costs nothing is worth most, and still ranks by bytes
    Candidate& own = candidates_[index];
    own.cost = measured(with(index));
    own.measured_at = taken_;
    const TuneCost& now = points_.back().cost;
    const double saved = now.bytes - own.cost.bytes;
    // A count of right answers is no smooth curve: beyond a level that loses too much another one may not.
    constexpr int kPatience = 2;
    if (own.cost.loss > options_.max_loss) {
      if (++own.refused > kPatience)
        own.is_done = true;
      else
        advance(index);
    } else if (saved <= 0) {  // perhaps a larger step
      advance(index);
    } else {
      own.refused = 0;
      own.worth = saved / std::max(kLeastHarm, own.cost.difference - now.difference);
    }
  }

  // What lost too much may not any more, now that other thresholds stand higher: once for every step since
  // the last time.
  bool look_again() {
    if (taken_ == looked_at_) return false;
    looked_at_ = taken_;
    for (size_t i = 0; i < candidates_.size(); ++i) {
      const size_t next = candidates_[i].held;
      candidates_[i] = {};
      candidates_[i].next = candidates_[i].held = next;
      candidates_[i].is_done = next == thresholds_[i].levels.size();
    }
    return true;
  }

  void advance(size_t index) {
    Candidate& own = candidates_[index];
    own.measured_at = -1;
    if (++own.next == thresholds_[index].levels.size()) own.is_done = true;
  }

  void take(size_t index) {
    table_ = with(index);
    candidates_[index].held = candidates_[index].next + 1;
    points_.push_back({table_, candidates_[index].cost});
    ++taken_;
    advance(index);
  }

  const std::vector<TunedThreshold>& thresholds_;
  const std::function<TuneCost(const ThresholdTable&)>& measure_;
  TuneOptions options_;
  const Progress& progress_;
  ThresholdTable table_;
  std::vector<Candidate> candidates_;
  std::vector<TunePoint> points_;
  int64_t measurements_ = 0, taken_ = 0, looked_at_ = 0;
};

}  // namespace

std::vector<double> threshold_levels(double range) {
  constexpr double kFinest = 1.0 / 256, kFine = 1.0 / 32;  // small ones save little: they may be far apart
  std::vector<double> levels;
  if (!(range > 0)) return levels;
  for (double part = kFinest; part < 1.01; part *= part < kFine ? 2.0 : std::sqrt(2.0)) {
    // Three digits: they will stand in files that people read.
    levels.push_back(std::strtod(fmt::format("{:.3g}", range * part).c_str(), nullptr));
  }
  return levels;
}

std::vector<TunePoint> tune_thresholds(const std::vector<TunedThreshold>& thresholds,
                                       const std::function<TuneCost(const ThresholdTable&)>& measure,
                                       const TuneOptions& options, const Progress& progress) {
  DELTAHOP_CHECK(options.max_measurements >= 1);
  return Search(thresholds, measure, options, progress).run();
}

std::vector<TunePoint> pareto_front(std::vector<TunePoint> points) {
  // By harm, then by bytes: a point belongs to the front where it has fewer bytes than all before it.
  std::stable_sort(points.begin(), points.end(), [](const TunePoint& a, const TunePoint& b) {
    return a.cost.difference != b.cost.difference ? a.cost.difference < b.cost.difference
                                                  : a.cost.bytes < b.cost.bytes;
  });
  std::vector<TunePoint> front;
  for (TunePoint& point : points) {
    if (front.empty() || point.cost.bytes < front.back().cost.bytes) front.push_back(std::move(point));
  }
  return front;
}

}  // namespace deltahop
