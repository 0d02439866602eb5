// SPDX-License-Identifier: Apache-2.0
// The thresholds of a delta network as commands take them: the network's own, a side file, the command line.
#pragma once

#include <optional>
#include <string>

#include "deltahop/network/delta_thresholds.h"

namespace CLI {
class App;
}

namespace deltahop {

struct ThresholdOptions {
  std::optional<double> theta_x, theta_h, theta_rh;
  std::string file;

  void add_to(CLI::App& command);
  // The file's, else those in the network's metadata; what the command line gives counts for all layers.
  ThresholdTable table(const Network& network) const;
  // Of the command line and the file alone, for several networks together: held against none of them.
  ThresholdTable unchecked_table() const;
  bool given() const { return theta_x || theta_h || theta_rh || !file.empty(); }

 private:
  ThresholdTable for_all_layers(ThresholdTable table) const;
};

}  // namespace deltahop
