// SPDX-License-Identifier: Apache-2.0
// Labelled examples in memory, split into training, validation and test.
//   const Dataset data = load_dataset(section, {.input_shape = {1, 1, 28, 28}, .seed = 1});
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "deltahop/io/samples.h"
#include "deltahop/recipe/data_section.h"
#include "deltahop/train/torch.h"

namespace deltahop {

struct Examples {
  torch::Tensor inputs;   // [n, ...] float32; sequences [n, frames, features], zeros behind their ends
  torch::Tensor labels;   // [n] int64
  torch::Tensor lengths;  // [n] int64, frames; undefined where the inputs are no sequences
  int64_t size() const { return labels.defined() ? labels.size(0) : 0; }
};

// The sound behind training examples, for noise to be mixed in; at the rate of the front end.
struct Recordings {
  std::vector<std::vector<float>> train, validation;
  std::vector<std::vector<float>> noise;
};

struct Dataset {
  Examples train, validation, test;
  std::vector<std::string> class_names;
  std::string provenance;     // one line for reports
  FrontEndOptions front_end;  // of sound, with the normalisation found: what the exported network carries
  std::vector<float> black;   // what a black pixel is after the preprocessing, a value a channel
  std::shared_ptr<const Recordings> recordings;  // null where no noise is mixed in
  DataSection section;
};

struct DataRequest {
  Shape input_shape = {};            // the network's, of one example; arrays and pictures
  Preprocessing preprocessing = {};  // the network's; pictures
  uint64_t seed = 0;                 // of the splits
  int64_t fold = 0;                  // below fold_names().size()
  int threads = 1;                   // that make features
};

// Throws Error naming what is missing or wrong.
Dataset load_dataset(const DataSection& section, const DataRequest& request);

// The group that each fold leaves out; one empty name where there are no folds.
std::vector<std::string> fold_names(const DataSection& section);

// Some examples, in the order given.
Examples subset(const Examples& examples, const std::vector<int64_t>& indices);
// The order of [0, n) that belongs to a seed.
std::vector<int64_t> shuffled_indices(int64_t n, uint64_t seed);

}  // namespace deltahop
