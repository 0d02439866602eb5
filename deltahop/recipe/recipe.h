// SPDX-License-Identifier: Apache-2.0
// A recipe for training as a strict YAML file (docs/training.md): data, network, loss, optimiser, schedule,
// constraints, teacher, export, and variants of all this. Plain data: what trains by it is the program
// deltahop-train.
//   const Recipe recipe = read_recipe("mnist.yaml", {.variant = "quantised"});
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "deltahop/recipe/constraint_section.h"
#include "deltahop/recipe/data_section.h"

namespace deltahop {

struct OptimizerSection {
  std::string kind = "adam";  // "sgd", "adam", "adamw"
  double learning_rate = 0.001;
  double momentum = 0.9;              // sgd
  bool nesterov = false;              // sgd
  double beta1 = 0.9, beta2 = 0.999;  // adam, adamw
  double epsilon = 1e-8;              // adam, adamw
  double weight_decay = 0.0;          // of weights, not of biases and normalisation; adamw: decoupled
  double gradient_clip = 0.0;         // largest length of the gradient of all parameters together; 0: none
};

struct ScheduleSection {
  std::string kind = "constant";  // "constant", "step", "cosine", "plateau"
  int64_t warmup_epochs = 0;      // grows linearly to the learning rate
  int64_t step_epochs = 1;        // step: every so many epochs times factor
  double factor = 0.1;            // step, plateau
  int64_t patience = 3;           // plateau: epochs without a better validation loss
  double minimum = 0.0;           // the rate falls no further
};

struct TeacherSection {
  std::string network;  // path as `network`; empty: none
  std::string variant;  // in its place: the variant of this recipe that is trained first, and teaches
  std::string target = "classes";  // "classes": softened by the temperature; "logits": their squared distance
  double temperature = 4.0;
  double weight = 0.5;  // of the teacher's term; the labels' has 1 - weight
};

struct ExportSection {
  std::string file;           // name of the ONNX file in the output folder; "<name>.onnx" where not written
  std::string keep = "best";  // "best" on validation, or "last"
  bool fold = true;           // batch normalisation into the weights
};

// A named change of the recipe: settings as of Config::set, the constraints that hold in it (all where the
// key is absent), and the variant of the same seed and fold whose weights it starts from.
struct VariantSection {
  std::string name;
  std::string from;
  bool chooses_constraints = false;
  std::vector<std::string> constraints;
  std::vector<std::string> settings;
};

struct Recipe {
  std::filesystem::path file;  // the recipe's own
  std::string name, summary;
  uint64_t seed = 1;
  int threads = 2;
  std::string network;          // as written: a path beside the recipe, or a zoo name
  std::string initial_weights;  // "file": as the network brings them; "fresh": by the seed
  DataSection data;
  std::string loss = "cross_entropy";  // "cross_entropy", "squared_hinge", "mse", "ctc"
  int64_t epochs = 1, batch = 32;
  OptimizerSection optimizer;
  ScheduleSection schedule;
  std::vector<ConstraintSection> constraints;  // in file order
  TeacherSection teacher;
  ExportSection exports;
  std::vector<VariantSection> variants;
  std::vector<uint64_t> seeds;  // of --all; {seed} where not written
  int64_t folds = 1;            // of --all
  std::string variant;          // the one applied; "" for none
  std::string resolved;  // the document with the variant's settings: for provenance and for checkpoints

  // Where a path of the recipe points: beside the recipe's file unless absolute.
  std::filesystem::path beside(const std::string& path) const;
};

struct RecipeChoice {
  std::string variant;                // "" for the recipe as it stands
  std::vector<std::string> settings;  // as of Config::set, after the variant's
};

// Throws Error with file, line and column.
Recipe read_recipe(const std::filesystem::path& file, const RecipeChoice& choice = {});
// The same of a text; `file` is for messages and for paths beside it.
Recipe parse_recipe(std::string_view text, const std::filesystem::path& file,
                    const RecipeChoice& choice = {});
// Every fault of the document and of each of its variants, in file order; empty for a good recipe.
std::vector<std::string> faults_of_recipe(const std::filesystem::path& file);

}  // namespace deltahop
