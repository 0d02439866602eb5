// SPDX-License-Identifier: Apache-2.0
// What is to be trained: one training, or variants x seeds x folds, those that others start from first. A
// variant that teaches others is trained once, by the first seed.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "deltahop/recipe/recipe.h"

namespace deltahop {

struct TrainingChoices {
  std::string recipe;
  std::vector<std::string> variants;  // by name
  bool all = false;                   // every variant, seed and fold
  std::optional<uint64_t> seed;
  std::optional<int64_t> epochs, threads, fold;
  std::vector<std::string> settings;  // as of Config::set
  std::string output;                 // folder
  bool resume = false, restart = false;
};

struct TrainingJob {
  std::string variant;
  uint64_t seed = 1;
  int64_t fold = 0;
  std::filesystem::path folder;
  std::filesystem::path from;     // checkpoint to start with; "" for none
  std::filesystem::path teacher;  // network of the variant that teaches; "" for none
  bool only_for_others = false;   // nobody asked for it: others start from it, or are taught by it
  std::string name() const;       // "quantised, seed 2, fold 1": what tells it from the others

  // What deltahop-train is called with.
  std::vector<std::string> arguments(const TrainingChoices& choices) const;
};

// Throws Error on variants that there are not.
std::vector<TrainingJob> training_jobs(const Recipe& recipe, const TrainingChoices& choices);

}  // namespace deltahop
