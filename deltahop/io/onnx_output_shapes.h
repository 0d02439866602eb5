// SPDX-License-Identifier: Apache-2.0
// What a written file says of its outputs' shapes where the inputs leave dimensions open. For the files of
// io/onnx only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "deltahop/network/network.h"

namespace deltahop {

struct WrittenDimension {
  int64_t size = kSymbolic;
  std::string name;  // of the input's dimension that it always equals, or ""
};

// Found by trying: the network is bound twice, and what differs between the two is open. Outputs whose shape
// cannot be told are left out.
std::map<ValueId, std::vector<WrittenDimension>> written_output_shapes(const Network& network);

}  // namespace deltahop
