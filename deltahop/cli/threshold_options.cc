// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/threshold_options.h"

#include <CLI/CLI.hpp>

namespace deltahop {

void ThresholdOptions::add_to(CLI::App& command) {
  const CLI::Range range(0.0, 1e6);
  command.add_option("--theta-x", theta_x, "Recurrent layers: an input must have changed by this to be sent")
      ->check(range);
  command.add_option("--theta-h", theta_h, "The same of hidden values")->check(range);
  command.add_option("--theta-rh", theta_rh, "The same of r*h, in GRUs that reset before the product")
      ->check(range);
  command.add_option("--thresholds", file,
                     "A file with a line a layer: gru1 theta_x=0.1 theta_h=0.2; without, the network's own");
}

ThresholdTable ThresholdOptions::table(const Network& network) const {
  ThresholdTable table = file.empty() ? thresholds_in(network) : read_thresholds(file);
  check_thresholds(table, network, file.empty() ? network.name() : file);
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
