// SPDX-License-Identifier: Apache-2.0
#include "deltahop/report/report.h"

#include <algorithm>
#include <cmath>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

template <class T>
void add(std::optional<T>& total, const std::optional<T>& part) {
  if (!part) return;
  if (!total) {
    total = part;
  } else {
    *total += *part;
  }
}

void add_layer(Totals& totals, const LayerRow& layer) {
  totals.macs += layer.macs;
  totals.weights += layer.weights;
  if (layer.placement == "chip") totals.macs_on_chip += layer.macs;
  if (layer.placement == "extension") totals.macs_on_extension += layer.macs;
  if (layer.placement == "host") totals.macs_on_host += layer.macs;
  add(totals.nonzero_weights, layer.nonzero_weights);
  add(totals.nonzero_macs, layer.nonzero_macs);
  add(totals.stats, layer.stats);
  add(totals.energy, layer.energy);
  add(totals.saturated, layer.saturated);
  add(totals.compared, layer.compared);
  add(totals.mismatches, layer.mismatches);
}

// What follows from the sums, the clock and the number of multipliers.
void add_rates(Totals& totals, const Report& report) {
  if (!totals.stats || !report.chip || report.inputs < 1) return;
  const double cycles = static_cast<double>(totals.stats->cycles().number());
  const double inputs = static_cast<double>(report.inputs);
  if (!(cycles > 0) || report.chip->multipliers < 1 || !(report.chip->clock.number() > 0)) return;
  const double seconds = cycles / report.chip->clock.number();  // of all inputs
  const double slots = cycles * static_cast<double>(report.chip->multipliers);
  const double dense = static_cast<double>(totals.stats->dense_macs());
  totals.latency = Seconds(seconds / inputs);
  totals.inputs_per_second = inputs / seconds;
  totals.effective_ops_per_second = 2.0 * dense / seconds;
  totals.utilisation_fraction = static_cast<double>(totals.stats->macs_done) / slots;
  totals.efficiency_fraction = dense / slots;
  if (!totals.energy || !totals.energy->has_core) return;
  const double core = totals.energy->core_pJ() * 1e-12;
  const double all = totals.energy->total_pJ() * 1e-12;
  totals.core_power = Watts(core / seconds);
  totals.power_with_dram = Watts(all / seconds);
  if (core > 0) totals.core_ops_per_joule = 2.0 * dense / core;
  if (all > 0) totals.ops_per_joule_with_dram = 2.0 * dense / all;
}

}  // namespace

Statistics statistics_of(const std::vector<double>& values) {
  Statistics result;
  if (values.empty()) return result;
  const double count = static_cast<double>(values.size());
  double sum = 0.0;
  for (const double value : values) sum += value;
  result.mean = sum / count;
  double squares = 0.0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  result.spread = std::sqrt(squares / count);
  const auto [lowest, highest] = std::minmax_element(values.begin(), values.end());
  result.lowest = *lowest;
  result.highest = *highest;
  return result;
}

std::string verdict_of(double ours, double theirs, double tolerance_fraction) {
  return std::abs(ours - theirs) <= tolerance_fraction * std::abs(theirs) ? "agrees" : "differs";
}

Totals totals_of(const Report& report) {
  Totals totals;
  for (const LayerRow& layer : report.layers) add_layer(totals, layer);
  // A sum over some of the layers is no total.
  for (const LayerRow& layer : report.layers) {
    if (layer.weights > 0 && !layer.nonzero_weights) totals.nonzero_weights.reset();
    if (layer.macs > 0 && !layer.nonzero_macs) totals.nonzero_macs.reset();
  }
  add_rates(totals, report);
  return totals;
}

}  // namespace deltahop
