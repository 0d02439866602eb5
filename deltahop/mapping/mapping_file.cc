// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/mapping_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

constexpr std::array<std::string_view, 3> kLevels = {"dram", "buffer", "element"};

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::optional<Dimension> dimension_of(const std::string& word) {
  for (const Dimension dimension : kAllDimensions) {
    if (word.size() == 1 && word[0] == letter_of(dimension)) return dimension;
  }
  return std::nullopt;
}

// "K step 64", in the array "K step 4 over rows".
std::optional<Loop> loop_of(const std::string& text, bool is_spatial) {
  const std::vector<std::string> words = words_of(text);
  if (words.size() != (is_spatial ? 5U : 3U) || words[1] != "step") return std::nullopt;
  const std::optional<Dimension> dimension = dimension_of(words[0]);
  Loop loop;
  const char* end = words[2].data() + words[2].size();
  const auto [stopped, fault] = std::from_chars(words[2].data(), end, loop.step);
  if (!dimension || fault != std::errc() || stopped != end || loop.step < 1) return std::nullopt;
  loop.dimension = *dimension;
  if (!is_spatial) return loop;
  if (words[3] != "over" || (words[4] != "rows" && words[4] != "columns")) return std::nullopt;
  loop.kind = words[4] == "rows" ? LoopKind::spatial_row : LoopKind::spatial_column;
  return loop;
}

std::string_view place_text(const Loop& loop) {
  switch (loop.kind) {
    case LoopKind::spatial_row:
      return " over rows";
    case LoopKind::spatial_column:
      return " over columns";
    default:
      return "";
  }
}

void read_loops(const Config& config, std::string_view key, std::vector<Loop>& loops) {
  if (!config.has(key)) return;
  const bool is_spatial = key == "array";
  std::array<std::array<bool, kDimensions>, 3> seen{};  // by kind
  for (const std::string& text : config.texts(key)) {
    const std::optional<Loop> loop = loop_of(text, is_spatial);
    if (!loop) {
      config.fault(key, fmt::format("'{}' is no loop", text),
                   is_spatial ? "as 'K step 4 over rows'" : "as 'K step 4'");
      continue;
    }
    bool& again = seen.at(static_cast<size_t>(loop->kind))[index_of(loop->dimension)];
    if (again) {
      config.fault(key, fmt::format("{} loops twice{}", letter_of(loop->dimension), place_text(*loop)));
    }
    if (!again) loops.push_back(*loop);
    again = true;
  }
}

std::string loop_text(const Loop& loop) {
  return fmt::format("{} step {}{}", letter_of(loop.dimension), loop.step, place_text(loop));
}

std::vector<std::string> loop_texts(const Mapping& mapping, size_t level, bool is_spatial) {
  std::vector<std::string> texts;
  for (const Loop& loop : mapping.levels.at(level).loops) {
    if ((loop.kind != LoopKind::temporal) == is_spatial) texts.push_back(loop_text(loop));
  }
  return texts;
}

// A name as YAML takes any text.
std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) {
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
      continue;
    }
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

void read_bypass(const Config& config, Mapping& mapping) {
  if (!config.has("bypass")) return;
  const Config bypass = config.section("bypass");
  std::vector<std::string> known;
  for (const Operand operand : kAllOperands) known.emplace_back(name_of(operand));
  for (size_t level = 1; level < kLevels.size(); ++level) {
    if (!bypass.has(kLevels.at(level))) continue;
    for (const std::string& word : bypass.texts(kLevels.at(level))) {
      const auto place = std::find(known.begin(), known.end(), word);
      if (place == known.end()) {
        bypass.fault(kLevels.at(level), fmt::format("'{}' is nothing to pass by", word),
                     suggest(word, known));
      } else {
        mapping.levels[level].bypass.at(static_cast<size_t>(place - known.begin())) = true;
      }
    }
  }
}

// "bypass: {buffer: [weights]}"; empty where nothing passes by.
std::string bypass_text(const Mapping& mapping) {
  std::vector<std::string> levels;
  for (size_t level = 1; level < mapping.levels.size(); ++level) {
    std::vector<std::string_view> names;
    for (const Operand operand : kAllOperands) {
      if (mapping.levels[level].bypass[index_of(operand)]) names.push_back(name_of(operand));
    }
    if (!names.empty()) levels.push_back(fmt::format("{}: [{}]", kLevels.at(level), fmt::join(names, ", ")));
  }
  return levels.empty() ? "" : fmt::format("    bypass: {{{}}}\n", fmt::join(levels, ", "));
}

}  // namespace

MappingFile read_mappings(const Config& config) {
  MappingFile file;
  file.batch = config.integer("batch");
  if (file.batch < 1) config.fault("batch", "must be at least 1");
  for (const Config& entry : config.list("mappings")) {
    NamedMapping named{.layer = entry.text("layer"), .place = entry.place(), .mapping = {}};
    const bool is_double = std::any_of(file.mappings.begin(), file.mappings.end(),
                                       [&](const NamedMapping& other) { return other.layer == named.layer; });
    if (is_double) entry.fault("layer", fmt::format("'{}' is mapped twice", named.layer));
    named.mapping.levels.resize(kLevels.size());
    read_loops(entry, "dram", named.mapping.levels[0].loops);
    read_loops(entry, "buffer", named.mapping.levels[1].loops);
    read_loops(entry, "array", named.mapping.levels[1].loops);
    for (const std::string& word : entry.has("slides") ? entry.texts("slides") : std::vector<std::string>{}) {
      if (word == "buffer" || word == "element") {
        named.mapping.levels[word == "buffer" ? 1 : 2].slides = true;
      } else {
        entry.fault("slides", fmt::format("'{}' keeps no window", word), "known: buffer, element");
      }
    }
    read_bypass(entry, named.mapping);
    file.mappings.push_back(std::move(named));
  }
  return file;
}

std::string to_yaml(const MappingFile& file) {
  std::string text = fmt::format(
      "# Loops a level, outermost first; 'K step 64' walks the tile in chunks of 64.\nbatch: {}\nmappings:\n",
      file.batch);
  for (const NamedMapping& named : file.mappings) {
    const Mapping& mapping = named.mapping;
    text += fmt::format("  - layer: {}\n", quoted(named.layer));
    text += fmt::format("    dram: [{}]\n", fmt::join(loop_texts(mapping, 0, false), ", "));
    text += fmt::format("    buffer: [{}]\n", fmt::join(loop_texts(mapping, 1, false), ", "));
    text += fmt::format("    array: [{}]\n", fmt::join(loop_texts(mapping, 1, true), ", "));
    std::vector<std::string_view> slides;
    for (size_t level = 1; level < mapping.levels.size(); ++level) {
      if (mapping.levels[level].slides) slides.push_back(kLevels.at(level));
    }
    if (!slides.empty()) text += fmt::format("    slides: [{}]\n", fmt::join(slides, ", "));
    text += bypass_text(mapping);
  }
  return text;
}

}  // namespace deltahop
