// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/search.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "deltahop/mapping/search_space.h"

namespace deltahop {
namespace {

using namespace search_space;
using enum Dimension;

// What is still open in a region: parts of every group's table, together all that may be part of a better
// mapping. Of a chosen group, one choice.
struct Node {
  Region region;
  std::array<const Table*, kGroups.size()> tables{};
  std::array<std::vector<const Part*>, kGroups.size()> parts;
  std::array<Measures, kGroups.size()> least;  // of the parts of each group

  // Absent where nothing fits.
  static std::optional<Node> of(const Region& region,
                                const std::array<const Table*, kGroups.size()>& tables) {
    Node node{.region = region, .tables = tables, .parts = {}, .least = {}};
    for (size_t g = 0; g < kGroups.size(); ++g) {
      if (tables[g]->first == tables[g]->last) return std::nullopt;
      node.open(g, tables[g]->first, tables[g]->last);
      node.update_least(g);
    }
    return node;
  }
  bool is_chosen(size_t group) const { return parts[group].size() == 1 && parts[group].front()->is_choice(); }
  void update_least(size_t group) {
    least[group] = parts[group].front()->least;
    for (const Part* part : parts[group]) least[group].take_least(part->least);
  }
  // A part that is left alone is looked into.
  void open_single(size_t group) {
    while (parts[group].size() == 1 && !is_chosen(group)) {
      const Part& part = *parts[group].front();
      parts[group].clear();
      open(group, part.first, part.last);
    }
  }
  Measures product_of_least(size_t without = SIZE_MAX) const {
    Measures product;
    for (size_t g = 0; g < kGroups.size(); ++g) {
      if (g != without) product.multiply(least[g]);
    }
    return product;
  }
  // Of groups in which something is open, what takes nothing of the array.
  Chosen chosen() const {
    Chosen chosen;
    for (size_t g = 0; g < kGroups.size(); ++g) {
      if (is_chosen(g)) chosen[g] = tables[g]->choices[parts[g].front()->choice];
    }
    return chosen;
  }

 private:
  void open(size_t group, size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) parts[group].push_back(&tables[group]->parts[i]);
  }
};

// Depth first through parts of tables: what cannot fit or win whatever the others choose is taken out, and
// one part at a time is looked at more closely.
class Search {
 public:
  // Only mappings of at most so many cycles.
  explicit Search(Objective objective, double most_cycles = std::numeric_limits<double>::infinity())
      : objective_(objective), most_cycles_(most_cycles) {}

  // Searches one more space; true where it has a better mapping than those before.
  bool run(Space& space) {
    space_ = &space;
    is_improved_ = false;
    std::vector<std::pair<double, Node>> starts;
    for (const Region& region : space_->regions()) {
      std::array<const Table*, kGroups.size()> tables{};
      double mappings = 1;
      for (size_t g = 0; g < kGroups.size(); ++g) {
        tables[g] = &space_->table_of(region, g);
        mappings *= static_cast<double>(tables[g]->choices.size());
      }
      result_.space += mappings;
      if (auto start = Node::of(region, tables))
        starts.emplace_back(value_of(start->product_of_least()).first, std::move(*start));
    }
    // What promises most first, so that the rest is soon shown to be no better.
    std::stable_sort(starts.begin(), starts.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto& [promise, start] : starts) descend(std::move(start));
    return is_improved_;
  }

  // Cycles depend on neither orders nor what stays where: one region without demands is enough, and in it the
  // smallest tiles.
  void run_smallest(Space& space) {
    space_ = &space;
    const Region region;
    std::array<Table, kGroups.size()> tables;
    std::array<const Table*, kGroups.size()> places{};
    for (size_t g = 0; g < kGroups.size(); ++g) {
      tables[g] = space.smallest_of(region, g);
      places[g] = &tables[g];
    }
    if (auto start = Node::of(region, places)) descend(std::move(*start));
  }

  SearchResult& result() { return result_; }

 private:
  // What is to be least, and what decides between equals.
  using Value = std::pair<double, double>;
  Value value_of(const Measures& product) const {
    const double energy = space_->energy_of(product), cycles = space_->cycles_of(product);
    switch (objective_) {
      case Objective::energy:
        return {energy, cycles};
      case Objective::cycles:
        return {cycles, 0};
      default:
        return {energy * cycles, cycles};
    }
  }

  bool may_win(const Measures& bound) {
    ++result_.nodes;
    return space_->cycles_of(bound) <= most_cycles_ && is_better(value_of(bound)) && space_->fits(bound);
  }

  // Rounding of doubles must not decide: what is no better by a part in 10^12 is no better.
  bool is_better(const Value& value) const {
    if (!result_.mapping) return true;
    const double slack = 1e-12 * best_.first;
    if (value.first < best_.first - slack) return true;
    return value.first <= best_.first + slack && value.second < best_.second * (1 - 1e-12);
  }

  // Takes out the parts that cannot fit or win, whatever the other groups choose. False where nothing is
  // left.
  bool narrow(Node& node) {
    for (bool is_changed = true; is_changed;) {
      is_changed = false;
      for (size_t g = 0; g < kGroups.size(); ++g) {
        if (node.is_chosen(g)) continue;
        node.open_single(g);
        std::vector<const Part*>& parts = node.parts[g];
        const size_t before = parts.size();
        const Measures others = node.product_of_least(g);
        std::erase_if(parts, [&](const Part* part) {
          Measures with = others;
          with.multiply(part->least);
          return !may_win(with);
        });
        if (parts.empty()) return false;
        node.update_least(g);
        is_changed |= parts.size() < before || (parts.size() == 1 && !node.is_chosen(g));
      }
    }
    return may_win(node.product_of_least());
  }

  // The bound with each part of a group.
  struct Promise {
    double value = 0;
    const Part* part = nullptr;
  };
  std::vector<Promise> promises(const Node& node, size_t group) const {
    const Measures others = node.product_of_least(group);
    std::vector<Promise> result;
    for (const Part* part : node.parts[group]) {
      Measures with = others;
      with.multiply(part->least);
      result.push_back({value_of(with).first, part});
    }
    return result;
  }

  // The group whose parts promise least on average: choosing there soon shows what cannot win. All groups:
  // none is open.
  size_t most_decisive(const Node& node) const {
    size_t best = kGroups.size();
    double best_mean = 0;
    for (size_t g = 0; g < kGroups.size(); ++g) {
      if (node.is_chosen(g)) continue;
      double sum = 0;
      for (const Promise& promise : promises(node, g)) sum += promise.value;
      const double mean = sum / static_cast<double>(node.parts[g].size());
      if (best == kGroups.size() || mean > best_mean) best = g, best_mean = mean;
    }
    return best;
  }

  // The most decisive group first, the part that promises most first.
  void descend(Node node) {
    if (!narrow(node)) return;
    const auto rows = space_->rows_of(node.chosen());
    if (!rows) return;
    const size_t next = most_decisive(node);
    if (next == kGroups.size()) return keep(node, *rows);
    std::vector<Promise> order = promises(node, next);
    std::stable_sort(order.begin(), order.end(),
                     [](const Promise& a, const Promise& b) { return a.value < b.value; });
    for (const Promise& promise : order) {
      Node child = node;
      child.parts[next] = {promise.part};
      child.least[next] = promise.part->least;
      descend(std::move(child));
    }
  }

  void keep(const Node& node, const DimensionSizes& rows) {
    ++result_.tried;
    const Value value = value_of(node.product_of_least());
    if (!is_better(value)) return;
    best_ = value;
    result_.value = value.first;
    is_improved_ = true;
    result_.mapping = space_->mapping_of(node.region, node.chosen(), rows);
  }

  Space* space_ = nullptr;
  Objective objective_;
  double most_cycles_;
  Value best_;
  bool is_improved_ = false;
  SearchResult result_;
};

// The chip in all ways in which operands may pass by its levels.
struct Variant {
  Hierarchy hierarchy;  // as used
  std::vector<std::array<bool, kOperands>> bypass;
};
std::vector<Variant> variants_of(const Hierarchy& hierarchy) {
  std::vector<Variant> variants = {
      {hierarchy, std::vector<std::array<bool, kOperands>>(hierarchy.levels.size())}};
  for (size_t level = 0; level < hierarchy.levels.size(); ++level) {
    for (size_t operand = 0; operand < kOperands; ++operand) {
      if (!hierarchy.levels[level].may_bypass[operand]) continue;
      for (size_t i = variants.size(); i-- > 0;) {
        Variant variant = variants[i];
        variant.hierarchy.levels[level].keeps[operand] = false;
        variant.bypass[level][operand] = true;
        variants.push_back(std::move(variant));
      }
    }
  }
  return variants;
}

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

// An operand crosses each level that keeps it once, and is fetched from the innermost for every
// multiplication.
double least_movement(const Problem& problem, const Hierarchy& hierarchy, const UnitCosts& costs,
                      Operand operand, double cycles) {
  const auto macs = static_cast<double>(problem.macs());
  const double elements = needed_elements(problem, operand);
  double energy = 0;
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
  return energy;
}

}  // namespace

SearchResult find_mapping(const Problem& problem, const Hierarchy& hierarchy, const UnitCosts& costs,
                          const Dataflow& dataflow, Objective objective) {
  const std::vector<Variant> variants = variants_of(hierarchy);
  std::vector<Space> spaces;
  spaces.reserve(variants.size());
  for (const Variant& variant : variants) spaces.emplace_back(problem, variant.hierarchy, costs, dataflow);
  // The fewest cycles first, then the least energy with as many.
  Search fastest(Objective::cycles);
  if (objective == Objective::cycles) {
    for (Space& space : spaces) fastest.run_smallest(space);
    if (!fastest.result().mapping) return fastest.result();
  }
  Search search =
      objective == Objective::cycles ? Search(Objective::energy, fastest.result().value) : Search(objective);
  SearchResult& result = search.result();
  for (size_t v = 0; v < variants.size(); ++v) {
    if (!search.run(spaces[v])) continue;
    for (size_t level = 0; level < variants[v].bypass.size(); ++level)
      result.mapping->levels[level].bypass = variants[v].bypass[level];
  }
  if (objective == Objective::cycles) result.value = fastest.result().value;
  result.nodes += fastest.result().nodes;
  result.tried += fastest.result().tried;
  return result;
}

double lower_bound(const Problem& problem, const Hierarchy& hierarchy, const UnitCosts& costs,
                   Objective objective) {
  const auto macs = static_cast<double>(problem.macs());
  const double cycles = std::ceil(macs / static_cast<double>(hierarchy.elements()));
  double energy =
      macs * costs.mac * costs.savings.macs - static_cast<double>(problem.elements(Operand::output)) *
                                                  costs.access.at(0) * (1.0 - costs.savings.finished);
  const std::vector<Variant> variants = variants_of(hierarchy);
  for (const Operand operand : kAllOperands) {
    double least = std::numeric_limits<double>::infinity();
    for (const Variant& variant : variants)
      least = std::min(least, least_movement(problem, variant.hierarchy, costs, operand, cycles));
    energy += least;
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
