// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/array_chip.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "deltahop/base/embedded.h"
#include "deltahop/base/error.h"

namespace deltahop {

std::vector<EmbeddedFile> embedded_mapping();  // generated

namespace {

constexpr std::string_view kSuffix = ".yaml";
constexpr int64_t kLargestSide = 65536;  // of an array
// Far above any buffer, far below where counts in doubles stop to be exact.
constexpr int64_t kMostWords = int64_t{1} << 40;

std::vector<std::string> names_in(std::string_view folder) {
  std::vector<std::string> names;
  const std::string prefix = fmt::format("{}/", folder);
  for (const EmbeddedFile& file : embedded_mapping()) {
    if (!file.path.starts_with(prefix)) continue;
    names.emplace_back(file.path.substr(prefix.size(), file.path.size() - prefix.size() - kSuffix.size()));
  }
  return names;
}

struct Opened {
  Config config;
  std::string name;
};

Opened open(std::string_view folder, std::string_view name_or_path, std::string_view what) {
  const std::string shipped = fmt::format("{}/{}{}", folder, name_or_path, kSuffix);
  for (const EmbeddedFile& file : embedded_mapping()) {
    if (file.path == shipped) return {Config::from_text(file.content, file.path), std::string(name_or_path)};
  }
  const std::filesystem::path path{std::string(name_or_path)};
  if (path.extension() != ".yaml" && path.extension() != ".yml")
    throw Error(name_or_path, fmt::format("is no {}", what), suggest(name_or_path, names_in(folder)));
  return {Config::from_file(path), path.stem().string()};
}

int64_t read_side(const Config& config, std::string_view key) {
  const int64_t side = config.integer(key);
  if (side < 1 || side > kLargestSide) config.fault(key, fmt::format("must lie in 1..{}", kLargestSide));
  return std::clamp<int64_t>(side, 1, kLargestSide);
}

int64_t read_words(const Config& config, std::string_view key, int64_t word_bits) {
  const int64_t words = config.quantity<Bits>(key).number() / word_bits;
  if (words < 1 || words > kMostWords)
    config.fault(key, "must hold at least one word, and at most 2^40",
                 fmt::format("a word has {} bits", word_bits));
  return std::clamp<int64_t>(words, 1, kMostWords);
}

// A list of operands: what is kept, or what may pass by.
std::array<bool, kOperands> read_operands(const Config& config, std::string_view key, std::string_view to) {
  std::array<bool, kOperands> keeps{};
  std::vector<std::string> known;
  for (const Operand operand : kAllOperands) known.emplace_back(name_of(operand));
  for (const std::string& word : config.texts(key)) {
    const auto place = std::find(known.begin(), known.end(), word);
    if (place == known.end()) {
      config.fault(key, fmt::format("'{}' is nothing to {}", word, to), suggest(word, known));
    } else {
      keeps[static_cast<size_t>(place - known.begin())] = true;
    }
  }
  return keeps;
}

StorageLevel read_level(const Config& config, std::string_view name, int64_t word_bits) {
  StorageLevel level;
  level.name = name;
  level.keeps = read_operands(config, "keeps", "keep");
  if (config.has("may_bypass")) level.may_bypass = read_operands(config, "may_bypass", "pass by");
  for (const Operand operand : kAllOperands) {
    if (level.may_bypass[index_of(operand)] && !level.keeps[index_of(operand)])
      config.fault("may_bypass",
                   fmt::format("'{}' always pass by, as they are not kept here", name_of(operand)),
                   "leave them out, or add them to 'keeps'");
  }
  if (config.has("scratchpads")) {
    const Config own = config.section("scratchpads");
    for (const Operand operand : kAllOperands) {
      if (level.keeps[index_of(operand)])
        level.operand_capacity[index_of(operand)] = read_words(own, name_of(operand), word_bits);
    }
  }
  if (config.has("capacity") || !config.has("scratchpads"))
    level.capacity = read_words(config, "capacity", word_bits);
  level.slides = config.boolean("slides", false);
  if (level.slides && !level.keeps[index_of(Operand::input)])
    config.fault("slides", "only inputs slide, and they are not kept here", "add 'inputs' to 'keeps'");
  return level;
}

std::array<bool, kDimensions> read_dimensions(const Config& config, std::string_view key) {
  std::array<bool, kDimensions> chosen{};
  for (const std::string& word : config.texts(key)) {
    bool known = false;
    for (const Dimension dimension : kAllDimensions) {
      if (word != std::string(1, letter_of(dimension))) continue;
      known = chosen[index_of(dimension)] = true;
    }
    if (!known) config.fault(key, fmt::format("'{}' is no dimension", word), "known: N G K C P Q R S");
  }
  return chosen;
}

// A shipped table by name, or the chip's own.
AccessCosts read_costs_of(const Config& config, const std::string& name) {
  if (config.has("unit_costs")) return read_access_costs(config.section("unit_costs"), name);
  const std::string word = config.text("costs", "normalised");
  const std::vector<std::string> known = access_cost_names();
  if (std::find(known.begin(), known.end(), word) != known.end()) return load_access_costs(word);
  config.fault("costs", fmt::format("'{}' is no table of costs", word), suggest(word, known));
  return {};
}

}  // namespace

UnitCosts ArrayChip::unit_costs() const {
  const AccessCosts sized = sized_costs();
  UnitCosts unit{.mac = sized.mac, .hop = sized.hop, .access = {sized.dram, sized.buffer}};
  if (hierarchy.levels.size() > 2) unit.access.push_back(sized.element);
  return unit;
}

ArrayChip read_array_chip(const Config& config, std::string_view name) {
  ArrayChip chip;
  chip.name = name;
  chip.summary = config.text("summary", "");
  chip.citation = config.text("citation", "");
  chip.word_bits = config.integer("word_bits", 16);
  if (chip.word_bits < 1 || chip.word_bits > 64) config.fault("word_bits", "must lie in 1..64");
  chip.word_bits = std::clamp<int64_t>(chip.word_bits, 1, 64);
  const Config array = config.section("array");
  chip.hierarchy.rows = read_side(array, "rows");
  chip.hierarchy.columns = read_side(array, "columns");
  chip.hierarchy.array_level = 2;
  chip.hierarchy.levels = {StorageLevel{.name = "dram"},
                           read_level(config.section("buffer"), "buffer", chip.word_bits)};
  if (config.has("element"))
    chip.hierarchy.levels.push_back(read_level(config.section("element"), "element", chip.word_bits));
  const Config dataflow = config.section("dataflow");
  chip.dataflow.name = chip.name;
  chip.dataflow.over_rows = read_dimensions(dataflow, "over_rows");
  chip.dataflow.over_columns = read_dimensions(dataflow, "over_columns");
  chip.dataflow.in_element = read_dimensions(dataflow, "in_element");
  const bool loops_inside = std::any_of(chip.dataflow.in_element.begin(), chip.dataflow.in_element.end(),
                                        [](bool allowed) { return allowed; });
  if (loops_inside && !config.has("element"))
    dataflow.fault("in_element", "elements that store nothing have no loops", "give 'element', or []");
  chip.dram_bytes_per_cycle = config.number("dram_bytes_per_cycle", 0);
  if (!(chip.dram_bytes_per_cycle >= 0) || chip.dram_bytes_per_cycle > 1e9)
    config.fault("dram_bytes_per_cycle", "must lie in 0..1e9");
  chip.clock = config.quantity<Hertz>("clock", Hertz(0));
  if (config.has("clock") && !(chip.clock > Hertz(0))) config.fault("clock", "must be above zero");
  if (config.has("notes")) chip.notes = config.texts("notes");
  chip.costs = read_costs_of(config, chip.name);
  if (config.has("sparsity")) chip.sparsity = read_sparsity(config.section("sparsity"), chip.name);
  return chip;
}

std::vector<std::string> array_chip_names() { return names_in("architectures"); }
std::vector<std::string> access_cost_names() { return names_in("costs"); }
std::vector<std::string> sparsity_names() { return names_in("sparsity"); }

ArrayChip load_array_chip(std::string_view name_or_path, const std::vector<std::string>& settings) {
  Opened opened = open("architectures", name_or_path, "architecture");
  for (const std::string& setting : settings) opened.config.set(setting);
  ArrayChip chip = read_array_chip(opened.config, opened.name);
  opened.config.finish();
  chip.resolved = opened.config.resolved();
  return chip;
}

AccessCosts load_access_costs(std::string_view name_or_path) {
  const Opened opened = open("costs", name_or_path, "table of costs");
  AccessCosts costs = read_access_costs(opened.config, opened.name);
  opened.config.finish();
  return costs;
}

Sparsity load_sparsity(std::string_view name_or_path) {
  const Opened opened = open("sparsity", name_or_path, "way to use zeros");
  Sparsity sparsity = read_sparsity(opened.config, opened.name);
  opened.config.finish();
  return sparsity;
}

}  // namespace deltahop
