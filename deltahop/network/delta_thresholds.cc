// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/delta_thresholds.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "deltahop/base/files.h"
#include "deltahop/network/branch.h"
#include "deltahop/network/recurrent_cell.h"

namespace deltahop {
namespace {

constexpr uint64_t kLargestFile = 1 << 24;
constexpr std::string_view kBlanks = " \t\r";

// One line, word by word; a word in double quotes may hold anything, with \" and \\ for those two signs and
// \n for the end of a line.
class Line {
 public:
  Line(std::string_view text, std::string place) : text_(text), place_(std::move(place)) {}

  bool at_end() {
    position_ = std::min(text_.find_first_not_of(kBlanks, position_), text_.size());
    return position_ == text_.size() || text_[position_] == '#' || text_[position_] == ';';
  }
  bool at_quote() const { return text_[position_] == '"'; }
  std::string word() {
    if (at_quote()) return quoted();
    const size_t end = std::min(text_.find_first_of(" \t\r#;", position_), text_.size());
    const size_t begin = std::exchange(position_, end);
    return std::string(text_.substr(begin, end - begin));
  }
  // What a ';' or a comment leaves: the text after it that is still of this line.
  std::string_view rest() {
    if (!at_end() || position_ == text_.size() || text_[position_] == '#') return {};
    return text_.substr(position_ + 1);
  }
  [[noreturn]] void fail(std::string_view what, std::string_view hint = {}) const {
    throw Error(place_, what, hint);
  }

 private:
  std::string quoted() {
    std::string word;
    for (++position_; position_ < text_.size() && text_[position_] != '"'; ++position_) {
      const bool escaped = text_[position_] == '\\' && position_ + 1 < text_.size();
      if (escaped) ++position_;
      word += escaped && text_[position_] == 'n' ? '\n' : text_[position_];
    }
    if (position_ == text_.size()) fail("a quoted name does not end", "close it with '\"'");
    ++position_;
    return word;
  }

  std::string_view text_;
  std::string place_;
  size_t position_ = 0;
};

double threshold(const Line& line, const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || end != text.c_str() + text.size() || !std::isfinite(value) || value < 0)
    line.fail(fmt::format("'{}' is no threshold", text), "0 or a positive number");
  return value;
}

void read_line(Line& line, ThresholdTable& table) {
  const bool is_quoted = line.at_quote();
  const std::string name = line.word();
  DeltaThresholds thresholds;
  const std::vector<std::string> words = {"theta_x", "theta_h", "theta_rh"};
  double* const places[] = {&thresholds.input, &thresholds.hidden, &thresholds.reset_hidden};
  bool seen[] = {false, false, false};
  if (name.empty() || (!is_quoted && name.find('=') != std::string::npos))
    line.fail(fmt::format("'{}' is no name of a layer", name), "write: gru1 theta_x=0.1 theta_h=0.2");
  while (!line.at_end()) {
    const std::string word = line.word();
    const size_t sign = word.find('=');
    const std::string key = word.substr(0, sign);
    const auto found = std::find(words.begin(), words.end(), key);
    if (found == words.end()) line.fail(fmt::format("'{}' is not known", key), suggest(key, words));
    if (sign == std::string::npos) line.fail(fmt::format("{} has no value", key), fmt::format("{}=0.1", key));
    const auto which = static_cast<size_t>(found - words.begin());
    if (std::exchange(seen[which], true)) line.fail(fmt::format("{} comes twice", key));
    *places[which] = threshold(line, word.substr(sign + 1));
  }
  if (!table.by_node.emplace(name, thresholds).second)
    line.fail(fmt::format("the layer '{}' comes twice", name));
}

std::string name_text(const std::string& name) {
  if (!name.empty() && name.find_first_of(" \t\r\n#;=\"\\") == std::string::npos) return name;
  std::string text = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\' || c == '\n') text += '\\';
    text += c == '\n' ? 'n' : c;
  }
  return text + '"';
}

bool is_product(const Network& network, const Node& node) {
  const std::string_view kind = node.layer->domain().empty() ? node.layer->operator_name() : "";
  return (kind == "MatMul" || kind == "Gemm") && node.inputs.size() > 1 && node.inputs[1] != kNoValue &&
         network.value(node.inputs[1]).constant != nullptr;
}

// Of branches that wait for their condition as well.
void add_delta_nodes(const Network& network, std::vector<std::string>& names) {
  for (const Node& node : network.nodes()) {
    if (cell_kind_of(*node.layer) || is_product(network, node)) names.push_back(node.name);
    if (const auto* const choice = dynamic_cast<const IfLayer*>(node.layer.get())) {
      for (const bool condition : {true, false}) add_delta_nodes(choice->branch(condition).graph, names);
    }
  }
}

}  // namespace

DeltaThresholds ThresholdTable::of(const std::string& node_name) const {
  for (const std::string& name : {node_name, std::string("*")}) {
    const auto found = by_node.find(name);
    if (found != by_node.end()) return found->second;
  }
  return {};
}

ThresholdTable parse_thresholds(std::string_view text, std::string_view place) {
  ThresholdTable table;
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view left = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (!left.empty()) {
      Line line(left, fmt::format("{}:{}", place, number));
      if (!line.at_end()) read_line(line, table);
      left = line.rest();
    }
  }
  return table;
}

std::string text_of(const ThresholdTable& table) {
  std::string text;
  for (const auto& [name, thresholds] : table.by_node) {
    text += fmt::format("{} theta_x={} theta_h={}", name_text(name), thresholds.input, thresholds.hidden);
    if (thresholds.reset_hidden != 0.0) text += fmt::format(" theta_rh={}", thresholds.reset_hidden);
    text += '\n';
  }
  return text;
}

ThresholdTable read_thresholds(const std::filesystem::path& path) {
  return parse_thresholds(read_file(path, kLargestFile), path.string());
}

std::vector<std::string> delta_node_names(const Network& network) {
  std::vector<std::string> names;
  add_delta_nodes(network, names);
  return names;
}

void check_thresholds(const ThresholdTable& table, const Network& network, std::string_view place) {
  const std::vector<std::string> names = delta_node_names(network);
  for (const auto& [name, thresholds] : table.by_node) {
    if (name == "*" || std::find(names.begin(), names.end(), name) != names.end()) continue;
    const bool exists = std::any_of(network.nodes().begin(), network.nodes().end(),
                                    [&wanted = name](const Node& node) { return node.name == wanted; });
    throw Error(place,
                exists ? fmt::format("the layer '{}' takes no thresholds", name)
                       : fmt::format("the network has no layer '{}'", name),
                names.empty() ? "it has no recurrent layer" : suggest(name, names));
  }
}

ThresholdTable thresholds_in(const Network& network) {
  const auto found = network.metadata().find(kThresholdsKey);
  if (found == network.metadata().end()) return {};
  const std::string place = fmt::format("metadata '{}'", kThresholdsKey);
  ThresholdTable table = parse_thresholds(found->second, place);
  check_thresholds(table, network, place);
  return table;
}

Network with_thresholds(const Network& network, const ThresholdTable& table) {
  check_thresholds(table, network, "thresholds");
  return network.with_metadata(kThresholdsKey, text_of(table));
}

}  // namespace deltahop
