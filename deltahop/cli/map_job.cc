// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/map_job.h"

#include <algorithm>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/compress/fold.h"

namespace deltahop {
namespace {

// What the command line gives in several forms makes an architecture of each, told apart by its name.
template <class Change>
void multiply(std::vector<ArrayChip>& chips, const std::vector<std::string>& words, Change&& change) {
  if (words.empty()) return;
  std::vector<ArrayChip> result;
  for (const ArrayChip& chip : chips) {
    for (const std::string& word : words) {
      result.push_back(chip);
      change(result.back(), word);
    }
  }
  chips = std::move(result);
}

// "all" stands for every shipped table in picojoules, the measured chip's first: the others stand against it.
std::vector<std::string> tables_of(const std::vector<std::string>& words) {
  constexpr std::string_view kFirst = "eyeriss_65nm";
  std::vector<std::string> names;
  for (const std::string& word : words) {
    names.emplace_back(word == "all" ? kFirst : word);
    for (const std::string& name : word == "all" ? access_cost_names() : std::vector<std::string>{}) {
      if (name != kFirst && load_access_costs(name).unit == "pJ") names.push_back(name);
    }
  }
  return names;
}

// "buffer:weights,inputs" is the setting of a key of the level.
std::string bypass_setting(const std::string& word) {
  const size_t colon = word.find(':');
  const std::string level = word.substr(0, colon);
  if (colon == std::string::npos || (level != "buffer" && level != "element"))
    throw Error("--bypass", fmt::format("'{}' does not say what may pass by what", word),
                "as in --bypass buffer:weights");
  return fmt::format("{}.may_bypass=[{}]", level, word.substr(colon + 1));
}

}  // namespace

std::vector<ArrayChip> chips_of(const MapJob& job, const std::vector<std::string>& further) {
  std::vector<std::string> settings = job.settings;
  for (const std::string& word : job.bypass) settings.push_back(bypass_setting(word));
  settings.insert(settings.end(), further.begin(), further.end());
  std::vector<ArrayChip> chips;
  for (const std::string& name : job.architectures) chips.push_back(load_array_chip(name, settings));
  multiply(chips, job.sparsity, [](ArrayChip& chip, const std::string& word) {
    chip.sparsity = load_sparsity(word);
    chip.name += " " + chip.sparsity.name;
  });
  const std::vector<std::string> tables = tables_of(job.costs);
  multiply(chips, tables, [&](ArrayChip& chip, const std::string& word) {
    chip.costs = load_access_costs(word);
    if (tables.size() > 1) chip.name += " " + chip.costs.name;
  });
  for (size_t i = 0; i < chips.size(); ++i) {
    const bool is_double = std::any_of(chips.begin(), chips.begin() + static_cast<std::ptrdiff_t>(i),
                                       [&](const ArrayChip& other) { return other.name == chips[i].name; });
    if (is_double) throw Error("--arch", fmt::format("'{}' stands twice", chips[i].name));
    if (chips[i].costs.unit != chips[0].costs.unit)
      throw Error("--arch",
                  fmt::format("costs of '{}' are in {} and those of '{}' in {}", chips[0].name,
                              chips[0].costs.unit, chips[i].name, chips[i].costs.unit),
                  "--costs puts one table under all");
  }
  const auto needs_one = [&](const std::string& option, const std::string& value) {
    if (!value.empty() && chips.size() > 1)
      throw Error(option, "holds the mappings of one architecture", "name one with --arch");
  };
  needs_one("--save", job.save);
  needs_one("--mapping", job.given);
  return chips;
}

std::vector<LayerToMap> layers_of(const MapJob& job, const Network& network, int64_t batch) {
  std::vector<LayerToMap> layers = layers_to_map(network, batch);
  if (layers.empty()) throw Error(job.network.network, "has no layer that multiplies");
  if (job.layer.empty()) return layers;
  std::vector<std::string> names;
  for (const LayerToMap& layer : layers) names.push_back(layer.name);
  const auto place = std::find(names.begin(), names.end(), job.layer);
  if (place == names.end())
    throw Error("--layer", fmt::format("no layer that multiplies is called '{}'", job.layer),
                suggest(job.layer, names));
  return {layers[static_cast<size_t>(place - names.begin())]};
}

// Zeros that nobody knows, or that no chip uses, are a mistake on the command line; a chip that could use
// them is counted dense.
void require_zeros(const MapJob& job, const std::vector<ArrayChip>& chips) {
  const auto uses = [](const ArrayChip& chip) { return chip.sparsity.uses_zeros(); };
  const bool any = std::any_of(chips.begin(), chips.end(), uses);
  if (any && !job.zeros.given() && !job.sparsity.empty())
    throw Error("--sparsity", "there are no zeros to use",
                "give --density, or --input for those of real inputs");
  if (!any && job.zeros.given())
    throw Error("--density, --input", "do nothing: no architecture here makes use of zeros",
                "add --sparsity dense,gated,compressed, or a 'sparsity' section to the architecture");
}

Network network_of(const MapJob& job) {
  const bool runs = !job.zeros.input.input.empty();  // else shapes are all that counts
  if (job.network.seed_is_given() && !runs) refuse_seed();
  return job.sizes.bound(folded(job.network.load()));
}

}  // namespace deltahop
