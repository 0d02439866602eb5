// SPDX-License-Identifier: Apache-2.0
// The training loop: epochs of batches, validation, the best weights, a checkpoint after every epoch, the
// exported file.
#pragma once

#include <atomic>
#include <filesystem>

#include "deltahop/network/network.h"
#include "deltahop/recipe/recipe.h"
#include "deltahop/train/dataset.h"
#include "deltahop/train/event.h"

namespace deltahop {

struct TrainingTask {
  Recipe recipe;                 // with the variant, the seed and other choices applied
  std::filesystem::path output;  // folder of the checkpoint and the exported file
  std::filesystem::path from;    // checkpoint whose best weights it starts with; "" for none
  int64_t fold = 0;
  bool resume = false;   // go on with the checkpoint in the folder
  bool restart = false;  // begin anew although there is one that is not finished
};

struct TrainingResult {
  std::filesystem::path file;  // the exported network
  Metrics metrics;             // of the exported weights: "test_accuracy", "validation_accuracy", ...
};

constexpr const char* kCheckpointName = "checkpoint.safetensors";

// Thrown when `stop` was set: the checkpoint is written, the text says how to go on.
class Interrupted : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A network that a recipe names, beside it or in the zoo; and the recipe's examples, as that network takes
// them. Throw Error.
Network network_of(const Recipe& recipe, const std::string& name);
Dataset data_of(const Recipe& recipe, int64_t fold, const Network& network);

// Throws Error; Interrupted.
TrainingResult train(const TrainingTask& task, EventWriter& events, const std::atomic<bool>& stop);

}  // namespace deltahop
