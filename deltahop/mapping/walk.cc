// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/walk.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace deltahop {
namespace {

struct Range {
  int64_t begin = 0, end = 0;  // end excluded
};
using Ranges = std::array<Range, kDimensions>;
using Word = int64_t;  // number of an element of an operand, from its indices in the relevant dimensions

// One element of the array with the part of the nest that it works on.
struct Worker {
  int64_t id = 0;
  Ranges ranges;
};
using Workers = std::vector<Worker>;

// A level's tile of one operand, in every instance that holds one.
struct Tile {
  Workers workers;
  std::map<int64_t, std::set<Word>> begun;  // by instance: outputs whose sum has begun
};

class Walk {
 public:
  Walk(const Problem& problem, const Hierarchy& hierarchy, const Mapping& mapping, const Sparsity& sparsity,
       const IsZero& is_zero)
      : problem_(problem), hierarchy_(hierarchy), sparsity_(sparsity), is_zero_(is_zero) {
    for (size_t level = 0; level < mapping.levels.size(); ++level) {
      for (const Loop& loop : mapping.levels[level].loops) loops_.push_back(loop);
    }
    for (const Dimension dimension : kAllDimensions) loops_.push_back({dimension, 1});
    for (const Operand operand : kAllOperands) {
      std::vector<Transfer>& transfers = counts_.transfers[index_of(operand)];
      size_t outer = 0;
      for (size_t level = 1; level <= hierarchy.levels.size(); ++level) {
        const bool is_multiplier = level == hierarchy.levels.size();
        if (!is_multiplier && !hierarchy.levels[level].keeps[index_of(operand)]) continue;
        transfers.push_back({.outer = outer, .inner = level});
        FetchPlace place;
        if (!is_multiplier) place = fetch_place(problem, mapping, level, operand);
        places_[index_of(operand)].push_back(place);
        outer = level;
      }
      tiles_[index_of(operand)].resize(transfers.size());
    }
    for (size_t level = 0, count = 0; level < mapping.levels.size(); ++level) {
      count += mapping.levels[level].loops.size();
      loops_above_.push_back(count);  // loops of this level and those outside
    }
  }

  AccessCounts count() {
    Worker all;
    for (const Dimension d : kAllDimensions) all.ranges[index_of(d)] = {0, problem_.bound(d)};
    step(0, 0, {all}, 0);
    const auto& transfers = counts_.transfers[index_of(Operand::output)];
    for (size_t t = transfers.size() - 1; t-- > 0;) send_up(t);
    counts_.macs = macs_;
    sum_transfers(hierarchy_, counts_);
    return std::move(counts_);
  }

 private:
  // Runs what stands inside the first `loop` loops, of which `temporal` are temporal. chunk: of the loop
  // before.
  void step(size_t loop, size_t temporal, const Workers& workers, int64_t chunk) {
    if (loop == 0 || loops_[loop - 1].kind == LoopKind::temporal) fetch_tiles(loop, temporal, workers, chunk);
    if (loop == loops_.size()) return multiply(workers);
    if (loops_[loop].kind != LoopKind::temporal) return step(loop + 1, temporal, spread(loop, workers), 0);
    for (int64_t next = 0;; ++next) {
      Workers active;
      active.reserve(workers.size());
      for (const Worker& worker : workers) {
        if (const auto part = chunk_of(loop, worker, next)) active.push_back(*part);
      }
      if (active.empty()) return;
      step(loop + 1, temporal + 1, active, next);
    }
  }

  std::optional<Worker> chunk_of(size_t loop, Worker worker, int64_t chunk) const {
    Range& range = worker.ranges[index_of(loops_[loop].dimension)];
    range.begin += chunk * loops_[loop].step;
    if (range.begin >= range.end) return std::nullopt;
    range.end = std::min(range.end, range.begin + loops_[loop].step);
    return worker;
  }

  Workers spread(size_t loop, const Workers& workers) const {
    constexpr int64_t kManyElements = 1 << 12;
    Workers result;
    result.reserve(2 * workers.size());
    for (const Worker& worker : workers) {
      for (int64_t chunk = 0;; ++chunk) {
        auto part = chunk_of(loop, worker, chunk);
        if (!part) break;
        part->id = worker.id * kManyElements + chunk + 1;
        result.push_back(*part);
      }
    }
    return result;
  }

  // Who holds a tile of a level when the loops further in start.
  Workers holders(size_t loop, size_t level, Workers workers) const {
    for (const size_t end = loops_above_[level - 1]; loop < end; ++loop) {
      if (loops_[loop].kind != LoopKind::temporal) {
        workers = spread(loop, workers);
      } else {
        for (Worker& worker : workers) worker = *chunk_of(loop, worker, 0);
      }
    }
    return workers;
  }

  void fetch_tiles(size_t loop, size_t temporal, const Workers& workers, int64_t chunk) {
    for (const Operand operand : kAllOperands) {
      const auto& transfers = counts_.transfers[index_of(operand)];
      const auto& places = places_[index_of(operand)];
      for (size_t t = 0; t + 1 < transfers.size(); ++t) {
        if (places[t].loops_around != temporal) continue;
        // Sums leave from the inside before an outer tile changes.
        if (operand == Operand::output) {
          for (size_t inner = transfers.size() - 1; inner-- > t;) send_up(inner);
        }
        fetch(operand, t, holders(loop, transfers[t].inner, workers), workers.front(), loop, chunk);
      }
    }
  }

  void fetch(Operand operand, size_t t, Workers workers, const Worker& whole, size_t loop, int64_t chunk) {
    Transfer& transfer = counts_.transfers[index_of(operand)][t];
    Tile& tile = tiles_[index_of(operand)][t];
    if (operand == Operand::output) {
      tile.workers = std::move(workers);
      return bring_back(t);
    }
    const bool slides = places_[index_of(operand)][t].slides && chunk > 0;
    const auto size = [&](const Worker& worker) {
      const int64_t elements = elements_of(operand, worker.ranges);
      return slides ? elements - kept(worker, loops_[loop - 1]) : elements;
    };
    const bool crosses = transfer.outer < hierarchy_.array_level && transfer.inner >= hierarchy_.array_level;
    for (const Worker& worker : workers) transfer.down_copies += size(worker);
    if (crosses) transfer.down_unique += size(whole);
    if (!crosses) transfer.down_unique = transfer.down_copies;
  }

  // What of the window at the last chunk is still needed: what it does not newly pass along the loop.
  int64_t kept(const Worker& worker, const Loop& loop) const {
    const bool is_row = loop.dimension == Dimension::out_row;
    const Range outputs = worker.ranges[index_of(loop.dimension)];
    const Range taps = worker.ranges[index_of(is_row ? Dimension::kernel_row : Dimension::kernel_column)];
    const int64_t stride = is_row ? problem_.stride_rows : problem_.stride_columns;
    const int64_t dilation = is_row ? problem_.dilation_rows : problem_.dilation_columns;
    const int64_t extent =
        window_extent(outputs.end - outputs.begin, taps.end - taps.begin, stride, dilation);
    const int64_t passed = (outputs.end - outputs.begin) * stride;  // since the last output before this chunk
    return elements_of(Operand::input, worker.ranges) / extent * (extent - passed);
  }

  int64_t elements_of(Operand operand, const Ranges& ranges) const {
    DimensionSizes sizes;
    for (size_t d = 0; d < kDimensions; ++d) sizes[d] = ranges[d].end - ranges[d].begin;
    return problem_.elements(operand, sizes);
  }

  // Calls use(word) for each element of the ranges from dimension d on; `word` numbers the indices before it.
  template <class Use>
  void for_each_word(Operand operand, const Ranges& ranges, const Use& use, size_t d = 0,
                     Word word = 0) const {
    while (d < kDimensions && !is_relevant(operand, kAllDimensions[d])) ++d;
    if (d == kDimensions) return use(word);
    for (int64_t index = ranges[d].begin; index < ranges[d].end; ++index)
      for_each_word(operand, ranges, use, d + 1, word * problem_.bounds[d] + index);
  }

  Word first_word(Operand operand, const Ranges& ranges) const {
    Word word = 0;
    for (size_t d = 0; d < kDimensions; ++d) {
      if (is_relevant(operand, kAllDimensions[d])) word = word * problem_.bounds[d] + ranges[d].begin;
    }
    return word;
  }

  bool is_in_array(size_t level) const { return level >= hierarchy_.array_level; }
  // Where the sums of transfer t come from: the tile of its outer level in this worker's instance.
  std::set<Word>& begun_outside(size_t t, const Worker& worker) {
    if (t == 0) return finished_;
    const size_t outer = counts_.transfers[index_of(Operand::output)][t].outer;
    return tiles_[index_of(Operand::output)][t - 1].begun[is_in_array(outer) ? worker.id : 0];
  }

  // One word of output for each worker that has it: down to the first of them where its sum has begun
  // outside.
  void bring_back(size_t t) {
    Transfer& transfer = counts_.transfers[index_of(Operand::output)][t];
    Tile& tile = tiles_[index_of(Operand::output)][t];
    const bool crosses = !is_in_array(transfer.outer) && is_in_array(transfer.inner);
    std::set<Word> seen;
    for (const Worker& worker : tile.workers) {
      const int64_t instance = is_in_array(transfer.inner) ? worker.id : 0;
      const std::set<Word>& outside = begun_outside(t, worker);
      std::set<Word>& inside = tile.begun[instance];
      for_each_word(Operand::output, worker.ranges, [&](Word word) {
        if ((crosses && !seen.insert(word).second) || !outside.contains(word)) return;
        ++transfer.down_copies, ++transfer.down_unique;
        inside.insert(word);
      });
    }
  }

  void send_up(size_t t) {
    Transfer& transfer = counts_.transfers[index_of(Operand::output)][t];
    Tile& tile = tiles_[index_of(Operand::output)][t];
    const bool crosses = !is_in_array(transfer.outer) && is_in_array(transfer.inner);
    std::set<Word> seen;
    for (const Worker& worker : tile.workers) {
      std::set<Word>& outside = begun_outside(t, worker);
      for_each_word(Operand::output, worker.ranges, [&](Word word) {
        ++transfer.up_copies;
        if (!crosses || seen.insert(word).second) ++transfer.up_unique;
        outside.insert(word);
      });
    }
    tile.workers.clear();
    tile.begun.clear();
  }

  // What one multiplication touches in its element: the operands that are read, and the sum if it is done.
  struct Touched {
    std::array<bool, kOperands> operands{true, true, true};
    bool is_done = true;
  };

  Touched touched_by(const Worker& worker) const {
    Touched touched;
    if (!is_zero_) return touched;
    const auto zero = [&](Operand operand) {
      DimensionSizes index{};
      for (size_t d = 0; d < kDimensions; ++d) {
        if (is_relevant(operand, kAllDimensions[d])) index[d] = worker.ranges[d].begin;
      }
      return is_zero_(operand, index);
    };
    touched.is_done = std::none_of(sparsity_.skips.begin(), sparsity_.skips.end(), zero);
    touched.operands.fill(touched.is_done);
    std::vector<Operand> unread = {Operand::weight, Operand::input, Operand::output};
    for (const Operand operand : sparsity_.skips) std::erase(unread, operand);
    for (const Operand gate : sparsity_.gates) {
      touched.operands[index_of(gate)] = touched.is_done;
      std::erase(unread, gate);
      touched.is_done = touched.is_done && !zero(gate);
    }
    for (const Operand operand : unread) touched.operands[index_of(operand)] = touched.is_done;
    return touched;
  }

  // An instant: every worker multiplies once.
  void multiply(const Workers& workers) {
    std::vector<Touched> touched;
    for (const Worker& worker : workers) {
      touched.push_back(touched_by(worker));
      macs_ += touched.back().is_done ? 1 : 0;
    }
    ++counts_.cycles;
    for (const Operand operand : kAllOperands) {
      auto& transfers = counts_.transfers[index_of(operand)];
      const size_t t = transfers.size() - 1;
      Transfer& transfer = transfers[t];
      const bool crosses = !is_in_array(transfer.outer);
      std::set<Word> seen;
      for (size_t w = 0; w < workers.size(); ++w) {
        const Word word = first_word(operand, workers[w].ranges);
        const bool is_first = !crosses || seen.insert(word).second;
        // The array sends and adds for several elements, whatever one of them does.
        const int64_t counts = crosses || touched[w].operands[index_of(operand)] ? 1 : 0;
        if (operand != Operand::output) {
          transfer.down_copies += counts;
          transfer.down_unique += is_first ? counts : 0;
          continue;
        }
        transfer.up_copies += counts;
        transfer.up_unique += is_first ? counts : 0;
        if (!is_first) continue;
        if (!begun_outside(t, workers[w]).insert(word).second)
          transfer.down_copies += counts, transfer.down_unique += counts;
      }
    }
  }

  const Problem& problem_;
  const Hierarchy& hierarchy_;
  const Sparsity& sparsity_;
  const IsZero& is_zero_;                                  // empty: nothing is zero
  std::vector<Loop> loops_;                                // of all levels, then one by one
  std::vector<size_t> loops_above_;                        // by level
  std::array<std::vector<FetchPlace>, kOperands> places_;  // by transfer
  std::array<std::vector<Tile>, kOperands> tiles_;
  std::set<Word> finished_;  // outputs that level 0 holds, finished or not
  int64_t macs_ = 0;
  AccessCounts counts_;
};

}  // namespace

AccessCounts walk_accesses(const Problem& problem, const Hierarchy& hierarchy, const Mapping& mapping) {
  const Hierarchy used = as_used(hierarchy, mapping);
  return Walk(problem, used, mapping, {}, {}).count();
}

AccessCounts walk_accesses(const Problem& problem, const Hierarchy& hierarchy, const Mapping& mapping,
                           const Sparsity& sparsity, const IsZero& is_zero) {
  const Hierarchy used = as_used(hierarchy, mapping);
  return Walk(problem, used, mapping, sparsity, is_zero).count();
}

}  // namespace deltahop
