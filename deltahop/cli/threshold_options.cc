// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/threshold_options.h"

#include <CLI/CLI.hpp>

namespace deltahop {

void ThresholdOptions::add_to(CLI::App& command) {
  CLI::Option* const lines = command.add_option(
      "--thresholds", file,
      "A file of thresholds, one line a layer: 'gru1 theta_x=0.1 theta_h=0.2'; without, what the network "
      "carries");
  const auto add = [&](const char* name, std::optional<double>& value, const char* help) {
    command.add_option(name, value, help)->check(CLI::Range(0.0, 1e6))->excludes(lines);
  };
  add("--theta-x", theta_x, "Threshold of all recurrent layers' inputs, in units of the values");
  add("--theta-h", theta_h, "Threshold of all hidden states");
  add("--theta-rh", theta_rh, "Threshold of the reset hidden state of GRUs that reset before the product");
}

ThresholdTable ThresholdOptions::table(const Network& network) const {
  ThresholdTable table = file.empty() ? thresholds_in(network) : read_thresholds(file);
  check_thresholds(table, network, file.empty() ? network.name() : file);
  return for_all_layers(std::move(table));
}

ThresholdTable ThresholdOptions::unchecked_table() const {
  return for_all_layers(file.empty() ? ThresholdTable{} : read_thresholds(file));
}

ThresholdTable ThresholdOptions::for_all_layers(ThresholdTable table) const {
  if (!theta_x && !theta_h && !theta_rh) return table;
  table.by_node.try_emplace("*");
  for (auto& [name, thresholds] : table.by_node) {
    thresholds.input = theta_x.value_or(thresholds.input);
    thresholds.hidden = theta_h.value_or(thresholds.hidden);
    thresholds.reset_hidden = theta_rh.value_or(thresholds.reset_hidden);
  }
  return table;
}

}  // namespace deltahop
