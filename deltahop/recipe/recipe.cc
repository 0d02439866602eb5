// SPDX-License-Identifier: Apache-2.0
#include "deltahop/recipe/recipe.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/base/files.h"

namespace deltahop {
namespace {

constexpr uint64_t kLargestRecipe = uint64_t{1} << 20;
constexpr int64_t kMostEpochs = 100000, kLargestBatch = 1 << 20, kMostThreads = 256, kMostFolds = 1000;

int64_t bounded(const Config& config, std::string_view key, int64_t fallback, int64_t low, int64_t high) {
  const int64_t value = config.integer(key, fallback);
  if (value >= low && value <= high) return value;
  config.fault(key, fmt::format("{} is not between {} and {}", value, low, high));
  return fallback;
}

double bounded(const Config& config, std::string_view key, double fallback, double low, double high) {
  const double value = config.number(key, fallback);
  if (value >= low && value <= high) return value;
  config.fault(key, fmt::format("{} is not between {} and {}", value, low, high));
  return fallback;
}

OptimizerSection read_optimizer(const Config& config) {
  OptimizerSection optimizer;
  optimizer.kind = config.choice("kind", {"sgd", "adam", "adamw"}, optimizer.kind);
  optimizer.learning_rate = bounded(config, "learning_rate", optimizer.learning_rate, 0.0, 1e3);
  if (optimizer.kind == "sgd") {
    optimizer.momentum = bounded(config, "momentum", optimizer.momentum, 0.0, 1.0);
    optimizer.nesterov = config.boolean("nesterov", optimizer.nesterov);
  } else {
    optimizer.beta1 = bounded(config, "beta1", optimizer.beta1, 0.0, 0.999999);
    optimizer.beta2 = bounded(config, "beta2", optimizer.beta2, 0.0, 0.9999999);
    optimizer.epsilon = bounded(config, "epsilon", optimizer.epsilon, 0.0, 1.0);
  }
  optimizer.weight_decay = bounded(config, "weight_decay", optimizer.weight_decay, 0.0, 1e3);
  optimizer.gradient_clip = bounded(config, "gradient_clip", optimizer.gradient_clip, 0.0, 1e9);
  return optimizer;
}

ScheduleSection read_schedule(const Config& config) {
  ScheduleSection schedule;
  schedule.kind = config.choice("kind", {"constant", "step", "cosine", "plateau"}, schedule.kind);
  schedule.warmup_epochs = bounded(config, "warmup_epochs", schedule.warmup_epochs, 0, kMostEpochs);
  if (schedule.kind == "step")
    schedule.step_epochs = bounded(config, "step_epochs", schedule.step_epochs, 1, kMostEpochs);
  if (schedule.kind == "plateau")
    schedule.patience = bounded(config, "patience", schedule.patience, 0, kMostEpochs);
  if (schedule.kind == "step" || schedule.kind == "plateau")
    schedule.factor = bounded(config, "factor", schedule.factor, 0.0, 1.0);
  if (schedule.kind != "constant") schedule.minimum = bounded(config, "minimum", schedule.minimum, 0.0, 1e3);
  return schedule;
}

TeacherSection read_teacher(const Config& config) {
  TeacherSection teacher;
  teacher.network = config.text("network", "");
  teacher.variant = config.text("variant", "");
  if (teacher.network.empty() == teacher.variant.empty())
    config.fault({}, "a teacher is a 'network' or a 'variant' of this recipe", "write one of the two");
  teacher.target = config.choice("target", {"classes", "logits"}, teacher.target);
  if (teacher.target == "classes")
    teacher.temperature = bounded(config, "temperature", teacher.temperature, 0.01, 1e3);
  teacher.weight = bounded(config, "weight", teacher.weight, 0.0, 1.0);
  return teacher;
}

ExportSection read_export(const Config& config, const std::string& name) {
  ExportSection exports;
  exports.file = config.text("file", name + ".onnx");
  if (!exports.file.ends_with(".onnx") || exports.file.find('/') != std::string::npos)
    config.fault("file", "is no name of an ONNX file", "write name.onnx: it lies in the output folder");
  exports.keep = config.choice("keep", {"best", "last"}, exports.keep);
  exports.fold = config.boolean("fold", exports.fold);
  return exports;
}

VariantSection read_variant(const Config& config) {
  VariantSection variant;
  variant.name = config.text("name");
  variant.from = config.text("from", "");
  variant.chooses_constraints = config.has("constraints");
  if (variant.chooses_constraints) variant.constraints = config.texts("constraints");
  if (config.has("set")) variant.settings = config.texts("set");
  return variant;
}

// A name becomes part of a file's name.
bool is_plain_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '-' || c == '.';
  }) && name[0] != '.';
}

void read_variants(const Config& config, Recipe& recipe) {
  for (const Config& entry : config.list("variants")) {
    VariantSection variant = read_variant(entry);
    const auto same = [&](const VariantSection& other) { return other.name == variant.name; };
    if (!is_plain_name(variant.name))
      entry.fault("name", fmt::format("'{}' is no plain name", variant.name),
                  "letters, digits, '_', '-' and '.'");
    if (std::any_of(recipe.variants.begin(), recipe.variants.end(), same))
      entry.fault("name", fmt::format("two variants are called '{}'", variant.name));
    const auto source = [&](const VariantSection& other) { return other.name == variant.from; };
    if (!variant.from.empty() && std::none_of(recipe.variants.begin(), recipe.variants.end(), source))
      entry.fault("from", fmt::format("no variant above is called '{}'", variant.from));
    for (const std::string& name : variant.constraints) {
      const auto called = [&](const ConstraintSection& constraint) { return constraint.name == name; };
      if (std::none_of(recipe.constraints.begin(), recipe.constraints.end(), called))
        entry.fault("constraints", fmt::format("no constraint is called '{}'", name));
    }
    recipe.variants.push_back(std::move(variant));
  }
  for (const int64_t seed : config.has("seeds") ? config.integers("seeds") : std::vector<int64_t>{}) {
    if (seed < 0) config.fault("seeds", fmt::format("{} is no seed", seed), "a seed is 0 or more");
    recipe.seeds.push_back(static_cast<uint64_t>(seed));
  }
  if (recipe.seeds.empty()) recipe.seeds.push_back(recipe.seed);
  recipe.folds = bounded(config, "folds", recipe.folds, 1, kMostFolds);
}

Recipe read_document(const Config& config, const std::filesystem::path& file) {
  Recipe recipe;
  recipe.file = file;
  recipe.name = config.text("name");
  if (!is_plain_name(recipe.name))
    config.fault("name", fmt::format("'{}' is no plain name", recipe.name),
                 "letters, digits, '_', '-' and '.'");
  recipe.summary = config.text("summary", "");
  recipe.seed = static_cast<uint64_t>(bounded(config, "seed", 1, 0, int64_t{1} << 53));
  recipe.threads = static_cast<int>(bounded(config, "threads", recipe.threads, 1, kMostThreads));
  recipe.network = config.text("network");
  recipe.initial_weights = config.choice("initial_weights", {"file", "fresh"}, "fresh");
  if (!config.has("data")) config.fault("data", "the key 'data' is missing", "write data: {set: mnist}");
  recipe.data = read_data_section(config.section("data"));
  recipe.data.recipe_folder = file.parent_path();
  recipe.loss = config.choice("loss", {"cross_entropy", "squared_hinge", "mse", "ctc"}, recipe.loss);
  recipe.epochs = bounded(config, "epochs", recipe.epochs, 0, kMostEpochs);
  recipe.batch = bounded(config, "batch", recipe.batch, 1, kLargestBatch);
  recipe.optimizer = read_optimizer(config.section("optimizer"));
  recipe.schedule = read_schedule(config.section("schedule"));
  const Config constraints = config.section("constraints");
  for (const std::string& name : config.has("constraints") ? constraints.keys() : std::vector<std::string>{})
    recipe.constraints.push_back(read_constraint_section(name, constraints.section(name)));
  if (config.has("teacher")) recipe.teacher = read_teacher(config.section("teacher"));
  recipe.exports = read_export(config.section("export"), recipe.name);
  read_variants(config, recipe);
  const auto teaches = [&](const VariantSection& variant) { return variant.name == recipe.teacher.variant; };
  if (!recipe.teacher.variant.empty() &&
      std::none_of(recipe.variants.begin(), recipe.variants.end(), teaches))
    config.section("teacher").fault("variant",
                                    fmt::format("no variant is called '{}'", recipe.teacher.variant));
  return recipe;
}

void choose_constraints(const VariantSection& variant, Recipe& recipe) {
  if (!variant.chooses_constraints) return;
  std::erase_if(recipe.constraints, [&](const ConstraintSection& constraint) {
    return std::count(variant.constraints.begin(), variant.constraints.end(), constraint.name) == 0;
  });
}

const VariantSection& variant_of(const Recipe& recipe, const std::string& name) {
  std::vector<std::string> names;
  for (const VariantSection& variant : recipe.variants) {
    if (variant.name == name) return variant;
    names.push_back(variant.name);
  }
  throw Error(recipe.file.string(), fmt::format("has no variant '{}'", name),
              names.empty() ? "it has no variants at all" : suggest(name, names));
}

}  // namespace

std::filesystem::path Recipe::beside(const std::string& path) const {
  return std::filesystem::path(path).is_absolute() ? std::filesystem::path(path) : file.parent_path() / path;
}

Recipe parse_recipe(std::string_view text, const std::filesystem::path& file, const RecipeChoice& choice) {
  Config plain = Config::from_text(text, file.string());
  Recipe recipe = read_document(plain, file);
  plain.finish();
  VariantSection variant;
  if (!choice.variant.empty()) variant = variant_of(recipe, choice.variant);
  Config config = Config::from_text(text, file.string());
  for (const std::string& setting : variant.settings) config.set(setting);
  for (const std::string& setting : choice.settings) config.set(setting);
  recipe = read_document(config, file);
  config.finish();
  choose_constraints(variant, recipe);
  recipe.variant = choice.variant;
  recipe.resolved = config.resolved();
  return recipe;
}

Recipe read_recipe(const std::filesystem::path& file, const RecipeChoice& choice) {
  return parse_recipe(read_file(file, kLargestRecipe), file, choice);
}

std::vector<std::string> faults_of_recipe(const std::filesystem::path& file) {
  const std::string text = read_file(file, kLargestRecipe);
  Config config = Config::from_text(text, file.string());
  const Recipe recipe = read_document(config, file);
  std::vector<std::string> faults = config.faults();
  if (!faults.empty()) return faults;
  for (const VariantSection& variant : recipe.variants) {
    try {
      parse_recipe(text, file, {variant.name, {}});
    } catch (const Error& error) {
      faults.push_back(fmt::format("variant '{}': {}", variant.name, error.what()));
    }
  }
  return faults;
}

}  // namespace deltahop
