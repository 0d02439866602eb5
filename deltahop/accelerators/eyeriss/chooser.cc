// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/eyeriss/chooser.h"

#include <tuple>

namespace deltahop::eyeriss {
namespace {

constexpr double kTransfer = 2, kBuffer = 6, kDram = 200;

std::vector<int64_t> divisors(int64_t number) {
  std::vector<int64_t> found;
  for (int64_t candidate = 1; candidate <= number; ++candidate) {
    if (number % candidate == 0) found.push_back(candidate);
  }
  return found;
}

class Search {
 public:
  Search(const Array& array, const LayerShape& layer, const Rates& rates)
      : array_(array), layer_(layer), rates_(rates) {}

  std::optional<Mapping> run() {
    const int64_t tallest = array_.rows / layer_.kernel_rows * array_.columns;
    const int64_t widest = array_.input_words / layer_.kernel_columns;
    for (const int64_t n : divisors(layer_.pictures)) {
      for (int64_t e = 1; e <= std::min(layer_.out_rows, tallest); ++e) {
        for (int64_t q = 1; q <= std::min(layer_.channels, widest); ++q) {
          for (int64_t r = 1; r <= array_.rows && (r - 1) * q < layer_.channels; ++r)
            try_filters({.n = n, .e = e, .q = q, .r = r});
        }
      }
    }
    return best_;
  }

 private:
  void try_filters(Mapping mapping) {
    if (SetPlacement::of(array_, layer_.kernel_rows, mapping).most_filter_sets() < 1) return;
    for (const int64_t m : divisors(layer_.filters)) {
      mapping.m = m;
      if (sum_words(layer_, mapping) > array_.banks * array_.bank_words) return;
      for (const int64_t together : divisors(m)) {
        for (const int64_t t : divisors(together)) {
          mapping.t = t;
          mapping.p = together / t;
          if (fits(array_, layer_, mapping)) consider(mapping);
        }
      }
    }
  }

  void consider(const Mapping& mapping) {
    const ArrayCounts counts = count_passes(layer_, mapping, rates_);
    const int64_t cycles = array_cycles(counts);
    const double product = moving_energy(layer_, mapping, counts) * static_cast<double>(cycles);
    const auto key = std::tuple(product, cycles, mapping);
    if (best_ && key >= std::tuple(product_, cycles_, *best_)) return;
    best_ = mapping;
    product_ = product;
    cycles_ = cycles;
  }

  const Array& array_;
  const LayerShape& layer_;
  const Rates& rates_;
  std::optional<Mapping> best_;
  double product_ = 0;
  int64_t cycles_ = 0;
};

}  // namespace

double moving_energy(const LayerShape& layer, const Mapping& mapping, const ArrayCounts& counts) {
  const int64_t outputs = layer.pictures * layer.groups * layer.filters * layer.out_rows * layer.out_columns;
  const int64_t inputs = layer.pictures * layer.groups * layer.channels * layer.rows_under(layer.out_rows) *
                         layer.columns() * input_fetches(layer, mapping);
  const int64_t filters = fetched_filter_words(layer, mapping);
  const int64_t taken = counts.inputs_taken + counts.filters_taken + counts.sums_taken;
  const int64_t buffer =
      counts.inputs_sent + counts.sums_read + counts.sums_written + outputs + inputs + 2 * filters;
  return kTransfer * static_cast<double>(taken) + kBuffer * static_cast<double>(buffer) +
         kDram * static_cast<double>(inputs + filters + outputs);
}

int64_t array_cycles(const ArrayCounts& counts) {
  return counts.compute_cycles + counts.filter_cycles + counts.window_cycles + counts.bus_cycles +
         counts.link_cycles;
}

std::optional<Mapping> choose_mapping(const Array& array, const LayerShape& layer, const Rates& rates) {
  return Search(array, layer, rates).run();
}

}  // namespace deltahop::eyeriss
