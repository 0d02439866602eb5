// SPDX-License-Identifier: Apache-2.0
// A node in the words of the operator set that is written (17): most layers say them themselves; newer and
// older meanings are put into them here or refused. For the files of io/onnx only.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "deltahop/network/network.h"

namespace deltahop {

struct PlainNode {
  std::string operator_name, name, domain;
  std::vector<std::string> inputs, outputs;  // names of values; "" where absent
  Attributes attributes;
};

struct LoweredNode {
  std::vector<PlainNode> nodes;                           // in order
  std::vector<std::pair<std::string, Tensor>> constants;  // that they need beside the network's own
};

// Throws Error, the node as place, where opset 17 has no form for it.
LoweredNode lower_to_written_opset(const Network& network, const Node& node);

}  // namespace deltahop
