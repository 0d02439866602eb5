// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/search.h"

#include <algorithm>
#include <cmath>

#include "deltahop/mapping/search_space.h"

namespace deltahop {
namespace {

using namespace search_space;
using enum Dimension;

class Search {
 public:
  Search(Space& space, Objective objective) : space_(space), objective_(objective) {}

  SearchResult run() {
    std::vector<Start> starts;
    for (const Region& region : space_.regions()) {
      if (auto start = start_of(region)) starts.push_back(std::move(*start));
    }
    // What promises most first, so that the rest is soon shown to be no better.
    std::sort(starts.begin(), starts.end(),
              [](const Start& a, const Start& b) { return a.promise < b.promise; });
    for (const Start& start : starts) {
      Node node;
      for (size_t g = 0; g < kGroups.size(); ++g) {
        for (const Entry& entry : *start.tables[g]) node.tables[g].push_back(&entry);
        node.least[g] = least_of(node.tables[g]);
      }
      descend(start.region, std::move(node));
    }
    return std::move(result_);
  }

 private:
  // The objective, and what decides between equals.
  std::pair<double, double> value_of(const Partial& partial) const {
    const double energy = space_.energy_of(partial);
    switch (objective_) {
      case Objective::energy:
        return {energy, partial.cycles};
      case Objective::cycles:
        return {partial.cycles, energy};
      default:
        return {energy * partial.cycles, energy};
    }
  }

  // The least factor of every term over a table: together a bound, not a mapping.
  static Entry least_of(const std::vector<const Entry*>& entries) {
    Entry least = *entries.front();
    for (const Entry* candidate : entries) {
      const Entry& entry = *candidate;
      for (size_t term = 0; term < kTerms; ++term)
        least.factors[term] = std::min(least.factors[term], entry.factors[term]);
      least.cycles = std::min(least.cycles, entry.cycles);
      least.rows = std::min(least.rows, entry.rows), least.columns = std::min(least.columns, entry.columns);
      for (size_t operand = 0; operand < kOperands; ++operand) {
        least.buffer_tile[operand] = std::min(least.buffer_tile[operand], entry.buffer_tile[operand]);
        least.element_tile[operand] = std::min(least.element_tile[operand], entry.element_tile[operand]);
      }
    }
    return least;
  }

  // A region with all that can be chosen in it, and the bound of its best.
  struct Start {
    Region region;
    std::array<const std::vector<Entry>*, kGroups.size()> tables;
    std::pair<double, double> promise;
  };

  std::optional<Start> start_of(const Region& region) {
    Start start{.region = region, .tables = {}, .promise = {}};
    Partial bound;
    for (size_t g = 0; g < kGroups.size(); ++g) {
      start.tables[g] = &space_.table_of(region, g);
      if (start.tables[g]->empty()) return std::nullopt;
      std::vector<const Entry*> all;
      for (const Entry& entry : *start.tables[g]) all.push_back(&entry);
      bound.multiply(least_of(all));
    }
    start.promise = value_of(bound);
    return start;
  }

  // The entries of every group that may still be part of a better mapping; of a chosen group, one.
  using Tables = std::array<std::vector<const Entry*>, kGroups.size()>;

  struct Node {
    Tables tables;
    std::array<Entry, kGroups.size()> least;  // of each table
  };

  Partial product_of_least(const Node& node, size_t without = SIZE_MAX) const {
    Partial partial;
    for (size_t g = 0; g < kGroups.size(); ++g) {
      if (g != without) partial.multiply(node.least[g]);
    }
    return partial;
  }

  // Takes out the entries that cannot fit or win, whatever the other groups choose. False where nothing is
  // left.
  bool narrow(Node& node) {
    for (size_t g = 0; g < kGroups.size(); ++g) {
      if (node.tables[g].size() == 1) continue;
      const Partial others = product_of_least(node, g);
      std::erase_if(node.tables[g], [&](const Entry* entry) {
        ++result_.nodes;
        Partial with = others;
        with.multiply(*entry);
        return !space_.fits(with) || !is_better(value_of(with));
      });
      if (node.tables[g].empty()) return false;
      node.least[g] = least_of(node.tables[g]);
    }
    const Partial bound = product_of_least(node);
    return space_.fits(bound) && is_better(value_of(bound));
  }

  // Rounding of doubles must not decide: what is no better by a part in 10^12 is no better.
  bool is_better(const std::pair<double, double>& value) const {
    if (!result_.mapping) return true;
    const double slack = 1e-12 * best_.first;
    if (value.first < best_.first - slack) return true;
    return value.first <= best_.first + slack && value.second < best_.second * (1 - 1e-12);
  }

  // Depth first, the group with the fewest entries left first, the entry that promises most first.
  void descend(const Region& region, Node node) {
    for (size_t before = SIZE_MAX, entries = entries_left(node); entries < before;
         entries = entries_left(node)) {
      before = entries;
      if (!narrow(node)) return;
    }
    size_t next = kGroups.size();
    for (size_t g = 0; g < kGroups.size(); ++g) {
      if (node.tables[g].size() == 1) continue;
      if (next == kGroups.size() || node.tables[g].size() < node.tables[next].size()) next = g;
    }
    if (next == kGroups.size()) return keep(region, node);
    const Partial others = product_of_least(node, next);
    std::vector<std::pair<double, const Entry*>> order;
    for (const Entry* entry : node.tables[next]) {
      Partial with = others;
      with.multiply(*entry);
      order.emplace_back(value_of(with).first, entry);
    }
    std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [promise, entry] : order) {
      Node child = node;
      child.tables[next] = {entry};
      child.least[next] = *entry;
      descend(region, std::move(child));
    }
  }

  static size_t entries_left(const Node& node) {
    size_t sum = 0;
    for (const auto& table : node.tables) sum += table.size();
    return sum;
  }

  void keep(const Region& region, const Node& node) {
    ++result_.tried;
    const auto value = value_of(product_of_least(node));
    if (!is_better(value)) return;
    best_ = value;
    result_.value = value.first;
    Chosen chosen;
    for (size_t g = 0; g < kGroups.size(); ++g) chosen[g] = node.tables[g].front()->choices;
    result_.mapping = space_.mapping_of(region, chosen);
  }

  Space& space_;
  Objective objective_;
  std::pair<double, double> best_;
  SearchResult result_;
};

// Windows may lie apart, and then what is between them need not move.
double needed_elements(const Problem& problem, Operand operand) {
  double elements = static_cast<double>(problem.elements(operand));
  if (operand != Operand::input) return elements;
  const auto needed = [&](Dimension outputs, Dimension taps, int64_t stride, int64_t dilation) {
    const int64_t extent = window_extent(problem.bound(outputs), problem.bound(taps), stride, dilation);
    return static_cast<double>(std::min(extent, problem.bound(outputs) * problem.bound(taps))) /
           static_cast<double>(extent);
  };
  return elements * needed(out_row, kernel_row, problem.stride_rows, problem.dilation_rows) *
         needed(out_column, kernel_column, problem.stride_columns, problem.dilation_columns);
}

}  // namespace

SearchResult find_mapping(const Problem& problem, const Hierarchy& hierarchy, const UnitCosts& costs,
                          const Dataflow& dataflow, Objective objective) {
  Space space(problem, hierarchy, costs, dataflow);
  return Search(space, objective).run();
}

double lower_bound(const Problem& problem, const Hierarchy& hierarchy, const UnitCosts& costs,
                   Objective objective) {
  const auto macs = static_cast<double>(problem.macs());
  const double cycles = std::ceil(macs / static_cast<double>(hierarchy.elements()));
  double energy =
      macs * costs.mac * costs.savings.macs - static_cast<double>(problem.elements(Operand::output)) *
                                                  costs.access.at(0) * (1.0 - costs.savings.finished);
  for (const Operand operand : kAllOperands) {
    const double elements = needed_elements(problem, operand);
    size_t outer = 0;
    for (size_t level = 1; level < hierarchy.levels.size(); ++level) {
      if (!hierarchy.levels[level].keeps[index_of(operand)]) continue;
      const double hop = level >= hierarchy.array_level ? costs.hop_of(operand) : 0.0;
      energy += elements * (costs.access_of(outer, operand) + costs.access_of(level, operand) + hop);
      outer = level;
    }
    const bool crosses = outer < hierarchy.array_level;
    const double words = crosses ? std::max(elements, cycles) : macs;
    const double access = crosses ? costs.access_of(outer, operand) : costs.element_access_of(outer, operand);
    const double hop = crosses ? costs.hop_of(operand) : 0.0;
    energy += words * access + (crosses ? macs * hop : 0.0);
    if (operand == Operand::output) energy += (words - elements) * (access + hop);
  }
  switch (objective) {
    case Objective::energy:
      return energy;
    case Objective::cycles:
      return cycles * costs.savings.cycles;
    default:
      return energy * cycles * costs.savings.cycles;
  }
}

}  // namespace deltahop
