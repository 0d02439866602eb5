// SPDX-License-Identifier: Apache-2.0
// deltahop check: every fault of a file, with line and column, without running anything.
#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "deltahop/accelerators/accelerator.h"
#include "deltahop/cli/command.h"
#include "deltahop/hardware/technology.h"
#include "deltahop/io/load.h"
#include "deltahop/io/samples.h"
#include "deltahop/io/yaml_network.h"
#include "deltahop/mapping/array_chip.h"
#include "deltahop/mapping/mapping_file.h"
#include "deltahop/recipe/recipe.h"

namespace deltahop {
namespace {

void read_chip(const Config& config) {
  const std::string chip = config.text("chip");
  std::vector<std::string> known;
  for (const AcceleratorKind& kind : accelerator_kinds()) {
    if (kind.name == chip) {
      kind.make(config);
      return;
    }
    known.push_back(kind.name);
  }
  config.fault("chip", fmt::format("'{}' is no chip", chip), suggest(chip, known));
  config.finish();
}

// What a YAML file is, told by the keys that only that kind has.
std::string read_by_kind(const Config& config, const std::string& path) {
  const std::vector<std::string> keys = config.keys();
  const auto has = [&](std::string_view key) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
  };
  if (has("chip")) return read_chip(config), "chip";
  if (has("dataflow")) return read_array_chip(config, path), config.finish(), "architecture";
  if (has("mappings")) return read_mappings(config), config.finish(), "mappings";
  if (has("mac") || has("weights_in_place") || has("technology"))
    return read_access_costs(config, path), config.finish(), "costs of accesses";
  if (has("gates") || has("skips") || has("codes"))
    return read_sparsity(config, path), config.finish(), "use of zeros";
  if (has("layers"))
    return read_yaml_network(config, {}, std::filesystem::path(path).parent_path()), "network";
  if (has("multipliers") || has("dram") || has("node_nm") || has("chip_costs") || has("base"))
    return load_technology(path), "technology";
  if (has("mean") || has("scale") || has("channels") || has("resize") || has("crop") ||
      has("resize_short_side") || has("layout")) {
    read_preprocessing(config);
    config.finish();
    return "preprocessing";
  }
  throw Error(path, "is no kind of file that is known",
              "a chip has the key 'chip', a network 'layers', a recipe 'data', an architecture 'dataflow', a "
              "technology "
              "'multipliers', preprocessing 'mean' or 'channels'");
}

// Of the recipe itself, then of the networks that it names.
std::vector<std::string> faults_of_training(const std::string& path) {
  std::vector<std::string> faults = faults_of_recipe(path);
  if (!faults.empty()) return faults;
  const Recipe recipe = read_recipe(path);
  for (const std::string& name : {recipe.network, recipe.teacher.network}) {
    if (name.empty()) continue;
    const std::filesystem::path beside = recipe.beside(name);
    try {
      load_network(std::filesystem::exists(beside) ? beside.string() : name);
    } catch (const Error& error) {
      faults.push_back(fmt::format("{}: its network: {}", path, error.what()));
    }
  }
  return faults;
}

std::vector<std::string> faults_of(const std::string& path, std::string& kind) {
  const bool yaml = path.ends_with(".yaml") || path.ends_with(".yml");
  if (!yaml) {
    try {
      load_network(path);
      kind = "network";
      return {};
    } catch (const Error& error) {
      return {error.what()};
    }
  }
  std::vector<std::string> faults;
  std::optional<Config> config;
  try {
    config = Config::from_file(path);
    const std::vector<std::string> keys = config->keys();
    if (std::find(keys.begin(), keys.end(), "data") != keys.end())
      return kind = "recipe", faults_of_training(path);
    kind = read_by_kind(*config, path);
  } catch (const Error& error) {
    if (config) faults = config->faults();
    // A fault that the document does not know yet: of meaning, or of YAML itself.
    const std::string text = error.what();
    const bool listed = std::any_of(faults.begin(), faults.end(),
                                    [&](const std::string& fault) { return text.starts_with(fault); });
    if (!listed) faults.insert(faults.begin(), text);
  }
  return faults;
}

}  // namespace

void add_check(CLI::App& program, Surroundings& surroundings) {
  CLI::App* command = program.add_subcommand(
      "check",
      "Find every fault of a file (chip, network, recipe, architecture, mappings, technology, "
      "preprocessing; ONNX), with line and column");
  auto paths = std::make_shared<std::vector<std::string>>();
  command->add_option("files", *paths, "The files to look at")->required();
  command->callback([paths, &surroundings] {
    std::string text;
    for (const std::string& path : *paths) {
      std::string kind;
      const std::vector<std::string> faults = faults_of(path, kind);
      for (const std::string& fault : faults) text += fault + "\n";
      if (faults.empty()) text += fmt::format("{}: good ({})\n", path, kind);
      if (!faults.empty()) surroundings.exit_code = 1;
    }
    surroundings.console.print(text);
  });
}

}  // namespace deltahop
