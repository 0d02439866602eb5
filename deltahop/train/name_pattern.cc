// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/name_pattern.h"

#include <algorithm>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

// The letter of a placeholder, 0 for an unknown one.
char field_of(std::string_view word) {
  for (const std::string_view known : {"label", "group", "take", "any"}) {
    if (word == known) return known.front();
  }
  return 0;
}

void put(NameFields& fields, char field, std::string_view value) {
  if (field == 'l') fields.label = value;
  if (field == 'g') fields.group = value;
  if (field == 't') fields.take = value;
}

}  // namespace

NamePattern::NamePattern(std::string_view pattern, std::string_view place) {
  std::string seen;
  const std::string hint = "for example {label}_{group}_{take}.wav; known: {label}, {group}, {take}, {any}";
  size_t open = pattern.find('{');
  parts_.push_back({0, std::string(pattern.substr(0, open))});
  while (open != std::string_view::npos) {
    const size_t close = pattern.find('}', open);
    if (close == std::string_view::npos)
      throw Error(place, fmt::format("the pattern '{}' has no '}}' behind its '{{'", pattern), hint);
    const char field = field_of(pattern.substr(open + 1, close - open - 1));
    if (field == 0 || (field != 'a' && seen.find(field) != std::string::npos)) {
      throw Error(place,
                  fmt::format("'{}' in the pattern is {}", pattern.substr(open, close - open + 1),
                              field == 0 ? "not known" : "there twice"),
                  hint);
    }
    seen += field;
    const size_t next = pattern.find('{', close);
    if (next == close + 1)
      throw Error(place, fmt::format("two placeholders of the pattern '{}' touch", pattern), hint);
    parts_.push_back({field, std::string(pattern.substr(close + 1, next - close - 1))});
    open = next;
  }
}

bool NamePattern::match_from(size_t part, std::string_view rest, NameFields& fields) const {
  if (part == parts_.size()) return rest.empty();
  const std::string& text = parts_[part].text;
  const size_t longest = std::min(rest.find('/'), rest.size());
  for (size_t length = 1; length <= longest; ++length) {
    const std::string_view behind = rest.substr(length);
    if (!behind.starts_with(text)) continue;
    if (!match_from(part + 1, behind.substr(text.size()), fields)) continue;
    put(fields, parts_[part].field, rest.substr(0, length));
    return true;
  }
  return false;
}

std::optional<NameFields> NamePattern::match(std::string_view name) const {
  constexpr size_t kLongestName = 4096;  // of a path; bounds the search
  if (name.size() > kLongestName || !name.starts_with(parts_[0].text)) return std::nullopt;
  NameFields fields;
  if (!match_from(1, name.substr(parts_[0].text.size()), fields)) return std::nullopt;
  return fields;
}

}  // namespace deltahop
