// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/access_counts.h"

#include <algorithm>
#include <cstdint>

#include "deltahop/mapping/chunks.h"

namespace deltahop {
namespace {

bool is_spatial(const Loop& loop) { return loop.kind != LoopKind::temporal; }

// Which loops a cut counts: the first `temporal` temporal loops (from the outermost), except `without`, and
// spatial ones if asked. Loops from level `end` on do not exist for it.
struct Cut {
  size_t end = 0;
  size_t temporal = 0;
  size_t without = SIZE_MAX;  // the loop along which a window slides
  bool spatial = false;
  bool unit_walk = false;  // the innermost level's tile is walked one by one
};

class Counter {
 public:
  Counter(const Problem& problem, const Hierarchy& hierarchy, const Mapping& mapping)
      : problem_(problem), hierarchy_(hierarchy), mapping_(mapping) {}

  AccessCounts count() const {
    AccessCounts counts;
    counts.macs = problem_.macs();
    counts.cycles = product(chunks(every_instant()), [](Dimension) { return true; });
    for (const Operand operand : kAllOperands) {
      std::vector<Transfer>& transfers = counts.transfers[index_of(operand)];
      size_t outer = 0;
      int64_t begun =
          problem_.elements(Operand::output);  // sums that begin at `outer` instead of coming back
      for (size_t level = 1; level < hierarchy_.levels.size(); ++level) {
        if (!hierarchy_.levels[level].keeps[index_of(operand)]) continue;
        transfers.push_back(between_levels(operand, outer, level, begun));
        outer = level;
        begun = transfers.back().up_copies - transfers.back().down_copies;
      }
      transfers.push_back(to_multipliers(operand, outer, begun));
    }
    sum_transfers(hierarchy_, counts);
    return counts;
  }

 private:
  DimensionSizes chunks(const Cut& cut) const {
    DimensionSizes result;
    for (const Dimension dimension : kAllDimensions) {
      std::vector<CutLoop> loops;
      size_t temporal_index = 0;
      bool slid_over = false;
      for (size_t level = 0; level < std::min(cut.end, mapping_.levels.size()); ++level) {
        for (const Loop& loop : mapping_.levels[level].loops) {
          const bool is_counted =
              is_spatial(loop) ? cut.spatial : temporal_index < cut.temporal && temporal_index != cut.without;
          // The window slides over all of the tile, and nothing further in divides it.
          if (loop.dimension == dimension && slid_over) continue;
          if (!is_spatial(loop) && temporal_index == cut.without && loop.dimension == dimension)
            slid_over = true;
          if (!is_spatial(loop)) ++temporal_index;
          if (loop.dimension == dimension && !slid_over) loops.push_back({loop.step, is_counted});
        }
      }
      if (cut.unit_walk) loops.push_back({1, true});
      result[index_of(dimension)] = count_chunks(problem_.bound(dimension), loops);
    }
    return result;
  }

  template <class Take>
  static int64_t product(const DimensionSizes& sizes, Take&& take) {
    int64_t result = 1;
    for (const Dimension dimension : kAllDimensions) {
      if (take(dimension)) result *= sizes[index_of(dimension)];
    }
    return result;
  }

  // Elements of all tiles that the cut tells apart: relevant dimensions are partitioned (windows overlap),
  // irrelevant ones repeat.
  int64_t elements_of_tiles(Operand operand, const DimensionSizes& chunks) const {
    int64_t result = product(chunks, [&](Dimension d) { return !is_relevant(operand, d); });
    const auto bound = [&](Dimension dimension) { return problem_.bound(dimension); };
    if (operand != Operand::input) {
      return result * product(problem_.bounds, [&](Dimension d) { return is_relevant(operand, d); });
    }
    const auto windows = [&](Dimension outputs, Dimension taps, int64_t stride, int64_t dilation) {
      const int64_t output_chunks = chunks[index_of(outputs)], tap_chunks = chunks[index_of(taps)];
      return tap_chunks * stride * (bound(outputs) - output_chunks) +
             output_chunks * dilation * (bound(taps) - tap_chunks) + output_chunks * tap_chunks;
    };
    return result * bound(Dimension::batch) * bound(Dimension::group) * bound(Dimension::in_channel) *
           windows(Dimension::out_row, Dimension::kernel_row, problem_.stride_rows, problem_.dilation_rows) *
           windows(Dimension::out_column, Dimension::kernel_column, problem_.stride_columns,
                   problem_.dilation_columns);
  }

  Transfer between_levels(Operand operand, size_t outer, size_t inner, int64_t begun) const {
    const FetchPlace place = fetch_place(problem_, mapping_, inner, operand);
    Cut cut{.end = inner, .temporal = place.loops_around};
    if (place.slides) cut.without = place.loops_around - 1;
    const int64_t unique = elements_of_tiles(operand, chunks(cut));
    cut.spatial = true;  // met only by levels within the array
    const int64_t copies = elements_of_tiles(operand, chunks(cut));
    Transfer transfer{.outer = outer, .inner = inner};
    if (operand != Operand::output) {
      transfer.down_unique = unique;
      transfer.down_copies = copies;
      return transfer;
    }
    transfer.up_unique = unique;
    transfer.up_copies = copies;
    // What comes back is added by one element of those that share an output; sums that begin come from
    // nowhere.
    transfer.down_unique = transfer.down_copies = transfer.up_unique - begun;
    return transfer;
  }

  Cut every_instant() const {
    return {.end = mapping_.levels.size(), .temporal = SIZE_MAX, .unit_walk = true};
  }

  Transfer to_multipliers(Operand operand, size_t outer, int64_t begun) const {
    const bool crosses = outer < hierarchy_.array_level;
    const int64_t unique = crosses ? words_of_instants(operand) : problem_.macs();
    Transfer transfer{.outer = outer, .inner = hierarchy_.levels.size()};
    if (operand != Operand::output) {
      transfer.down_unique = unique;
      transfer.down_copies = problem_.macs();
      return transfer;
    }
    transfer.up_unique = unique;
    transfer.up_copies = problem_.macs();
    transfer.down_unique = transfer.down_copies = unique - begun;
    return transfer;
  }

  // What the whole array needs at an instant, summed over instants: elements that work on the same word share
  // its fetch; the overlap of windows is not shared.
  int64_t words_of_instants(Operand operand) const {
    const DimensionSizes instants = chunks(every_instant());
    return product(problem_.bounds, [&](Dimension d) { return is_relevant(operand, d); }) *
           product(instants, [&](Dimension d) { return !is_relevant(operand, d); });
  }

  const Problem& problem_;
  const Hierarchy& hierarchy_;
  const Mapping& mapping_;
};

}  // namespace

double AccessCounts::utilisation(const Hierarchy& hierarchy) const {
  return static_cast<double>(macs) /
         (static_cast<double>(cycles) * static_cast<double>(hierarchy.elements()));
}

FetchPlace fetch_place(const Problem& problem, const Mapping& mapping, size_t level, Operand operand) {
  FetchPlace place;
  DimensionSizes tile = problem.bounds;
  size_t temporal_index = 0;
  Dimension innermost = Dimension::batch;
  std::array<bool, kDimensions> is_spread{};
  for (size_t outer = 0; outer < level; ++outer) {
    for (const Loop& loop : mapping.levels[outer].loops) {
      int64_t& size = tile[index_of(loop.dimension)];
      const bool moves = size > loop.step;
      if (is_spatial(loop)) {
        is_spread[index_of(loop.dimension)] |= moves;
      } else {
        ++temporal_index;
        if (moves && is_relevant(operand, loop.dimension)) {
          place.loops_around = temporal_index;
          innermost = loop.dimension;
        }
      }
      size = std::min(size, loop.step);
    }
  }
  place.slides = operand == Operand::input && place.loops_around > 0 && mapping.levels[level].slides &&
                 (innermost == Dimension::out_row || innermost == Dimension::out_column) &&
                 !is_spread[index_of(innermost)];
  return place;
}

void sum_transfers(const Hierarchy& hierarchy, AccessCounts& counts) {
  counts.levels.assign(hierarchy.levels.size(), {});
  counts.array_words = {};
  for (const Operand operand : kAllOperands) {
    const size_t index = index_of(operand);
    for (const Transfer& transfer : counts.transfers[index]) {
      Accesses& outer = counts.levels[transfer.outer][index];
      outer.reads += transfer.down_unique;
      outer.writes += transfer.up_unique;
      if (transfer.inner < counts.levels.size()) {
        Accesses& inner = counts.levels[transfer.inner][index];
        inner.writes += transfer.down_copies;
        inner.reads += transfer.up_copies;
      }
      if (transfer.outer < hierarchy.array_level && transfer.inner >= hierarchy.array_level) {
        counts.array_words[index] += transfer.down_copies + transfer.up_copies;
      }
    }
  }
}

AccessCounts count_accesses(const Problem& problem, const Hierarchy& hierarchy, const Mapping& mapping) {
  const Hierarchy used = as_used(hierarchy, mapping);
  return Counter(problem, used, mapping).count();
}

}  // namespace deltahop
