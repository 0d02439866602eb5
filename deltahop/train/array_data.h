// SPDX-License-Identifier: Apache-2.0
// Pictures and arrays as examples: whatever open_samples reads, and NPZ files of sequences with their
// lengths.
#pragma once

#include "deltahop/train/dataset.h"

namespace deltahop {

enum class DataRole : uint8_t { train, test };

// All files of a role, one after another. NPZ files hold x_train and y_train (x_test and y_test for the
// test), or inputs and labels; with `lengths` their inputs are sequences [n, frames, features]. Appends to
// `provenance`. Throws Error naming the file on a missing label, a label beyond the classes (where some are
// named), a shape that is not the network's, and values that are no numbers.
Examples load_arrays(const DataSection& section, DataRole role, const DataRequest& request,
                     std::string& provenance);

// What a black pixel becomes: a value a channel.
std::vector<float> black_of(const Preprocessing& preprocessing, int64_t channels);

}  // namespace deltahop
