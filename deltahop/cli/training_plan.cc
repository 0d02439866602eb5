// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/training_plan.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

constexpr const char* kCheckpoint = "checkpoint.safetensors";  // as deltahop-train calls it

class Plan {
 public:
  Plan(const Recipe& recipe, const TrainingChoices& choices) : recipe_(recipe), choices_(choices) {}

  std::vector<TrainingJob> jobs() {
    std::vector<uint64_t> seeds = {choices_.seed.value_or(recipe_.seed)};
    if (choices_.all && !choices_.seed) seeds = recipe_.seeds;
    const int64_t first = choices_.fold.value_or(0);
    const int64_t last = choices_.all && !choices_.fold ? recipe_.folds - 1 : first;
    many_ = seeds.size() > 1 || last > first;
    first_seed_ = seeds.front();
    const std::vector<std::string> names = variants();
    for (const std::string& name : names) teachers_.insert(teacher_of(name));
    for (const uint64_t seed : seeds) {
      for (int64_t fold = first; fold <= last; ++fold) {
        for (const std::string& name : names) {
          if (seed == first_seed_ || teachers_.count(name) == 0) add(name, seed, fold, false);
        }
      }
    }
    return std::move(jobs_);
  }

 private:
  std::vector<std::string> variants() const {
    std::vector<std::string> names = choices_.variants;
    if (choices_.all) {
      for (const VariantSection& variant : recipe_.variants) names.push_back(variant.name);
    }
    if (names.empty()) names.emplace_back();
    return names;
  }

  const VariantSection& variant_of(const std::string& name) const {
    std::vector<std::string> known;
    for (const VariantSection& variant : recipe_.variants) {
      if (variant.name == name) return variant;
      known.push_back(variant.name);
    }
    throw Error(choices_.recipe, fmt::format("has no variant '{}'", name),
                known.empty() ? "it has no variants at all" : suggest(name, known));
  }

  std::filesystem::path folder_of(const std::string& variant, uint64_t seed, int64_t fold) const {
    const std::filesystem::path output = choices_.output;
    if (variant.empty() && !many_) return output;
    std::string name = variant;
    if (many_) name += fmt::format("{}seed{}", name.empty() ? "" : "-", seed);
    if (many_ && recipe_.folds > 1) name += fmt::format("-fold{}", fold);
    return output / name;
  }

  Recipe recipe_of(const std::string& variant) const {
    return read_recipe(choices_.recipe, {variant, choices_.settings});
  }
  std::string teacher_of(const std::string& variant) const {
    return variant.empty() ? recipe_.teacher.variant : recipe_of(variant).teacher.variant;
  }

  // The one that it starts from comes first, once, and so does the one that teaches it.
  void add(const std::string& variant, uint64_t seed, int64_t fold, bool only_for_others) {
    const std::filesystem::path folder = folder_of(variant, seed, fold);
    const auto there = [&](const TrainingJob& job) { return job.folder == folder; };
    if (std::any_of(jobs_.begin(), jobs_.end(), there)) return;
    const auto asked = variants();
    const bool is_asked = std::find(asked.begin(), asked.end(), variant) != asked.end();
    TrainingJob job{variant, seed, fold, folder, {}, {}, only_for_others && !is_asked};
    if (!variant.empty() && !variant_of(variant).from.empty()) {
      const std::string& from = variant_of(variant).from;
      add(from, seed, fold, true);
      job.from = folder_of(from, seed, fold) / kCheckpoint;
    }
    const std::string teacher = teacher_of(variant);
    if (!teacher.empty() && teacher == variant)
      throw Error(choices_.recipe, fmt::format("the variant '{}' is its own teacher", variant),
                  "set teacher.variant in those that it teaches only");
    if (!teacher.empty()) {
      add(teacher, first_seed_, fold, true);
      job.teacher = folder_of(teacher, first_seed_, fold) / recipe_of(teacher).exports.file;
    }
    jobs_.push_back(std::move(job));
  }

  const Recipe& recipe_;
  const TrainingChoices& choices_;
  bool many_ = false;
  uint64_t first_seed_ = 0;
  std::set<std::string> teachers_;
  std::vector<TrainingJob> jobs_;
};

}  // namespace

std::string TrainingJob::name() const {
  return fmt::format("{}{}seed {}{}", variant, variant.empty() ? "" : ", ", seed,
                     fold == 0 ? "" : fmt::format(", fold {}", fold));
}

std::vector<std::string> TrainingJob::arguments(const TrainingChoices& choices) const {
  std::vector<std::string> words = {choices.recipe, "--output", folder.string(), "--fold",
                                    fmt::format("{}", fold)};
  const auto set = [&](const std::string& setting) { words.insert(words.end(), {"--set", setting}); };
  if (!variant.empty()) words.insert(words.end(), {"--variant", variant});
  if (!from.empty()) words.insert(words.end(), {"--from", from.string()});
  if (!teacher.empty()) words.insert(words.end(), {"--teacher", teacher.string()});
  set(fmt::format("seed={}", seed));
  if (choices.epochs) set(fmt::format("epochs={}", *choices.epochs));
  if (choices.threads) set(fmt::format("threads={}", *choices.threads));
  for (const std::string& setting : choices.settings) set(setting);
  // Of several trainings those that have not begun begin; what others start from is not made twice.
  const bool begun = std::filesystem::exists(folder / kCheckpoint);
  const bool is_alone = !choices.all && choices.variants.size() < 2 && !only_for_others;
  const bool goes_on = only_for_others ? begun && !choices.restart : choices.resume && (begun || is_alone);
  if (goes_on) words.emplace_back("--resume");
  if (choices.restart) words.emplace_back("--restart");
  return words;
}

std::vector<TrainingJob> training_jobs(const Recipe& recipe, const TrainingChoices& choices) {
  return Plan(recipe, choices).jobs();
}

}  // namespace deltahop
