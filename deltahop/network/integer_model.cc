// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/integer_model.h"

#include <charconv>
#include <set>

#include <fmt/format.h>

#include "deltahop/network/integer_rule.h"

namespace deltahop {
namespace {

constexpr std::string_view kFirstWord = "arithmetic";

// Names come from files and may hold anything; a line may not.
std::string escaped(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c == '\\')
      text += "\\\\";
    else if (c == '\n')
      text += "\\n";
    else if (c == '\r')
      text += "\\r";
    else
      text += c;
  }
  return text;
}

std::string unescaped(std::string_view text) {
  std::string name;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      name += text[i];
      continue;
    }
    const char c = text[++i];
    name += c == 'n' ? '\n' : c == 'r' ? '\r' : c;
  }
  return name;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const size_t space = std::min(line.find(' '), line.size());
    if (space > 0) words.push_back(line.substr(0, space));
    line.remove_prefix(std::min(space + 1, line.size()));
  }
  return words;
}

int width_of(std::string_view word) {
  int bits = 0;
  const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), bits);
  if (fault != std::errc{} || end != word.data() + word.size() || bits < 2 || bits > 16) {
    throw Error("", fmt::format("'{}' is no width", word), "2 to 16 bits");
  }
  return bits;
}

// "arithmetic activations 16 weights 16 rounding half_even overflow saturate"
Arithmetic arithmetic_of(std::string_view line) {
  const auto words = words_of(line);
  const bool fits = words.size() == 9 && words[0] == kFirstWord && words[1] == "activations" &&
                    words[3] == "weights" && words[5] == "rounding" && words[7] == "overflow";
  if (!fits) {
    throw Error("", "the first line must state the arithmetic",
                "for example 'arithmetic activations 16 weights 16 rounding half_even overflow saturate'");
  }
  return {width_of(words[2]), width_of(words[4]), parse_rounding(words[6]), parse_overflow(words[8])};
}

class Reader {
 public:
  explicit Reader(IntegerModel& model) : model_(model) {
    for (const ValueId id : values_with_formats(model.network))
      wanted_.emplace(model.network.value(id).name, id);
  }

  void read_format(std::string_view line) {
    const size_t space = line.rfind(' ');
    if (space == std::string_view::npos || space == 0)
      throw Error("", fmt::format("cannot read '{}'", line), "write 'value Qm.n'");
    const std::string name = unescaped(line.substr(0, space));
    const auto found = wanted_.find(name);
    if (found == wanted_.end()) {
      std::vector<std::string> names;
      for (const auto& [known, id] : wanted_) names.push_back(known);
      throw Error("", fmt::format("the network has no value '{}' that takes a format", name),
                  suggest(name, names));
    }
    const FixedFormat format = parse_fixed_format(line.substr(space + 1));
    if (!format.is_signed)
      throw Error("", fmt::format("'{}' gets an unsigned format", name), "formats are signed: Qm.n");
    if (!model_.formats.emplace(found->second, format).second)
      throw Error("", fmt::format("'{}' has two formats", name));
  }

  void finish() const {
    for (const auto& [name, id] : wanted_) {
      if (model_.formats.count(id) == 0) throw Error("", fmt::format("the value '{}' has no format", name));
    }
    for (const auto& group : values_of_one_format(model_.network)) {
      for (const ValueId id : group) {
        if (model_.formats.at(id) == model_.formats.at(group[0])) continue;
        throw Error("",
                    fmt::format("'{}' and '{}' have different formats", model_.network.value(group[0]).name,
                                model_.network.value(id).name),
                    "values that one pass makes share their format");
      }
    }
  }

 private:
  IntegerModel& model_;
  std::map<std::string, ValueId> wanted_;
};

}  // namespace

std::map<ValueId, std::string> host_reasons_of(const Network& network) {
  std::map<ValueId, std::string> reasons;
  for (const Node& node : network.nodes()) {
    if (network.is_constant(node)) continue;
    const std::string reason = host_reason(network, node);
    for (const ValueId id : node.outputs) {
      if (!reason.empty() && id != kNoValue) reasons.emplace(id, reason);
    }
  }
  return reasons;
}

std::string formats_text(const IntegerModel& model) {
  const Arithmetic& arithmetic = model.arithmetic;
  std::string text = fmt::format("{} activations {} weights {} rounding {} overflow {}\n", kFirstWord,
                                 arithmetic.activation_bits, arithmetic.weight_bits,
                                 name_of(arithmetic.rounding), name_of(arithmetic.overflow));
  for (const auto& [id, format] : model.formats) {
    text += fmt::format("{} {}\n", escaped(model.network.value(id).name), to_text(format));
  }
  return text;
}

IntegerModel model_from_formats(Network network, std::string_view text, std::string_view name) {
  IntegerModel model{std::move(network), {}, {}, {}};
  Reader reader(model);
  int64_t line_number = 0;
  try {
    while (!text.empty()) {
      ++line_number;
      const size_t end = std::min(text.find('\n'), text.size());
      std::string_view line = text.substr(0, end);
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line_number == 1)
        model.arithmetic = arithmetic_of(line);
      else if (!line.empty())
        reader.read_format(line);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (line_number == 0) throw Error("", "there are no formats", "the first line states the arithmetic");
    reader.finish();
  } catch (const Error& error) {
    throw Error(fmt::format("{}:{}", name, line_number), error.what());
  }
  model.host_reasons = host_reasons_of(model.network);
  return model;
}

}  // namespace deltahop
