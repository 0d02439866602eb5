// SPDX-License-Identifier: Apache-2.0
// The section `data` of a recipe: where examples come from, how they are split, what is done to them on the
// way.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "deltahop/base/config.h"

namespace deltahop {

struct DataSection {
  std::string format;                // "idx", "cifar10", "cifar10_jpeg", "wav_folder", "npz"
  std::string folder;                // as written: looked for beside the recipe, then under $DELTAHOP_DATA
  double validation_fraction = 0.1;  // of the training examples; 0: the test examples are validated on
  int64_t train_limit = -1, test_limit = -1;  // the first so many examples; -1: all
  std::string place;                          // file:line:column of the section, for faults found later
};

// Faults are noted in `config`.
DataSection read_data_section(const Config& config);

}  // namespace deltahop
