// SPDX-License-Identifier: Apache-2.0
// Recurrent traces as data that outlive a run: the layers of one sequence as named arrays (written as NPZ by
// io), with weights, so that a chip can compute its own output without the network.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "deltahop/network/integer_delta_gru.h"

namespace deltahop {

struct SavedLayer {
  std::string name;  // of the node
  RecurrentTrace trace;
};

std::map<std::string, Tensor> arrays_of(const std::vector<SavedLayer>& layers);

// Whether these arrays are a recurrent trace and none of convolutions (saved_trace.h).
bool holds_sequence(const std::map<std::string, Tensor>& arrays);
// What was sent is counted anew; ranges of sums stay unknown (0). Throws Error (place: `name`) where arrays
// are missing, of the wrong type, of shapes that do not fit each other, or hold codes beyond their format.
std::vector<SavedLayer> sequence_from(const std::map<std::string, Tensor>& arrays, std::string_view name);

}  // namespace deltahop
