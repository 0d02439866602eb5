// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/break_even_options.h"

#include <set>

#include <CLI/CLI.hpp>

#include "deltahop/base/files.h"
#include "deltahop/network/integer_rule.h"

namespace deltahop {

void BreakEvenOptions::add_to(CLI::App& command) {
  command.add_option(
      "--cache", cache,
      "The file of measured break-evens; without, deltahop/break_even.txt in the user's cache folder");
}

std::filesystem::path BreakEvenOptions::file() const {
  return cache.empty() ? break_even_file() : std::filesystem::path(cache);
}

const std::vector<double>& measured_shares() {
  static const std::vector<double> shares = {0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99};
  return shares;
}

void measure_layers(SparseNetwork& network, const std::vector<size_t>& layers, int threads,
                    BreakEvenTable& table, const Progress& progress) {
  std::set<std::string> known;  // several layers may have one shape
  int64_t done = 0;
  for (const size_t layer : layers) {
    const std::string key = break_even_key(network.layers()[layer], threads);
    if (known.insert(key).second) table.set(key, network.measure(layer, measured_shares()));
    report_progress(progress, "measuring break-evens", ++done, static_cast<int64_t>(layers.size()));
  }
}

size_t complete_break_evens(SparseNetwork& network, int threads, const BreakEvenOptions& options,
                            const Progress& progress) {
  const std::filesystem::path file = options.file();
  BreakEvenTable table = BreakEvenTable::read(file);
  const std::vector<size_t> unknown = table.apply(network, threads);
  if (unknown.empty()) return 0;
  const size_t before = table.size();
  measure_layers(network, unknown, threads, table, progress);
  write_file(file, table.text());
  table.apply(network, threads);
  return table.size() - before;
}

IntegerModel uncalibrated_model(const Network& network) {
  IntegerModel model{network, {8, 8, Rounding::half_even, Overflow::saturate}, {}, {}};
  for (const ValueId id : values_with_formats(network)) {
    const auto& constant = network.value(id).constant;
    model.formats[id] =
        constant == nullptr ? FixedFormat{8, 4, true} : format_for_range(largest_magnitude(*constant), 8);
  }
  model.host_reasons = host_reasons_of(network);
  return model;
}

}  // namespace deltahop
