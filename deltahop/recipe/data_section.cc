// SPDX-License-Identifier: Apache-2.0
#include "deltahop/recipe/data_section.h"

namespace deltahop {

DataSection read_data_section(const Config& config) {
  DataSection data;
  data.place = config.place();
  data.format = config.choice("format", {"idx", "cifar10", "cifar10_jpeg", "wav_folder", "npz"});
  data.folder = config.text("folder");
  data.validation_fraction = config.number("validation_fraction", data.validation_fraction);
  if (!(data.validation_fraction >= 0.0 && data.validation_fraction < 1.0))
    config.fault("validation_fraction", "is no part of the training examples",
                 "write a number from 0 to below 1");
  data.train_limit = config.integer("train_limit", data.train_limit);
  data.test_limit = config.integer("test_limit", data.test_limit);
  return data;
}

}  // namespace deltahop
