// SPDX-License-Identifier: Apache-2.0
#include "deltahop/base/config.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "deltahop/base/config_document.h"
#include "deltahop/base/error.h"
#include "deltahop/base/files.h"

namespace deltahop {
namespace {

constexpr uint64_t kLargestFile = uint64_t{16} << 20;

// Where in the file a fault is; those without a line (settings, keys missing at the top) come last.
std::pair<int64_t, int64_t> position_in(std::string_view fault, std::string_view name) {
  constexpr std::pair<int64_t, int64_t> kNowhere = {INT64_MAX, INT64_MAX};
  if (!fault.starts_with(name)) return kNowhere;
  int64_t line = 0, column = 0;
  const char* const end = fault.data() + fault.size();
  const char* at = fault.data() + name.size();
  if (at == end || *at != ':') return kNowhere;
  const auto [after_line, first] = std::from_chars(at + 1, end, line);
  if (first != std::errc{} || after_line == end || *after_line != ':') return kNowhere;
  return std::from_chars(after_line + 1, end, column).ec == std::errc{} ? std::pair(line, column) : kNowhere;
}

// The words of "a, b, c", without the blanks around them; none of "".
std::vector<std::string> items_of(std::string_view text) {
  std::vector<std::string> items;
  if (text.find_first_not_of(' ') == std::string_view::npos) return items;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    std::string_view item = text.substr(begin, comma - begin);
    item.remove_prefix(std::min(item.find_first_not_of(' '), item.size()));
    item = item.substr(0, item.find_last_not_of(' ') + 1);
    items.emplace_back(item);
    begin = comma + 1;
  }
  return items;
}

}  // namespace

Config Config::from_file(const std::filesystem::path& path) {
  return from_text(read_file(path, kLargestFile), path.string());
}

Config Config::from_text(std::string_view text, std::string_view name) {
  auto document = std::make_shared<Document>();
  document->name = name;
  document->load(text);
  const Entry* root = &document->root;
  return Config(std::move(document), root);
}

void Config::set(std::string_view setting) {
  const size_t equals = setting.find('=');
  const std::string place = fmt::format("--set {}", setting);
  if (equals == std::string_view::npos || equals == 0) throw Error(place, "is no setting", "write key=value");
  std::vector<std::string> path = {""};
  for (const char c : setting.substr(0, equals)) {
    if (c == '.')
      path.emplace_back();
    else
      path.back() += c;
  }
  if (std::any_of(path.begin(), path.end(), [](const std::string& key) { return key.empty(); })) {
    throw Error(place, "names an empty key", "write outer.inner=value");
  }
  // First as far as the document goes, so that nothing is changed where the path leads nowhere.
  Entry* entry = &document_->root;
  size_t depth = 0;
  for (; depth < path.size(); ++depth) {
    if (entry->kind != Entry::Kind::map) throw Error(place, fmt::format("'{}' holds no keys", entry->key));
    const auto found = std::find_if(entry->children.begin(), entry->children.end(),
                                    [&](const auto& c) { return c->key == path[depth]; });
    if (found == entry->children.end()) break;
    entry = found->get();
  }
  for (; depth < path.size(); ++depth) {
    entry = entry->children.emplace_back(std::make_unique<Entry>()).get();
    entry->key = path[depth];
    entry->kind = Entry::Kind::map;
    entry->place = place;
  }
  entry->place = place;
  entry->children.clear();
  const std::string_view value = setting.substr(equals + 1);
  if (value.size() < 2 || value.front() != '[' || value.back() != ']') {
    entry->kind = Entry::Kind::scalar;
    entry->scalar = std::string(value);
    return;
  }
  entry->kind = Entry::Kind::sequence;
  for (const std::string& item : items_of(value.substr(1, value.size() - 2))) {
    auto& child = entry->children.emplace_back(std::make_unique<Entry>());
    child->place = place;
    child->kind = Entry::Kind::scalar;
    child->scalar = item;
  }
}

const Config::Entry* Config::find(std::string_view key, bool required) const {
  if (entry_ == nullptr) return nullptr;
  entry_->read = true;
  entry_->asked.emplace(key);
  for (const auto& child : entry_->children) {
    if (child->key == key && entry_->kind == Entry::Kind::map) {
      child->read = true;
      return child.get();
    }
  }
  if (required) fault({}, fmt::format("the key '{}' is missing", key));
  return nullptr;
}

std::optional<std::string> Config::scalar_of(std::string_view key, bool required) const {
  const Entry* entry = find(key, required);
  if (entry == nullptr) return std::nullopt;
  if (entry->kind != Entry::Kind::scalar) {
    fault(key, fmt::format("'{}' must be a single value", key));
    entry->mark_read();
    return std::nullopt;
  }
  return entry->scalar;
}

namespace {

std::optional<int64_t> parse_integer(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::optional<double> parse_number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool good = error == std::errc{} && end == text.data() + text.size() && std::isfinite(value);
  return good ? std::optional(value) : std::nullopt;
}

}  // namespace

std::string Config::text(std::string_view key) const { return scalar_of(key, true).value_or(""); }

int64_t Config::integer(std::string_view key) const {
  const auto scalar = scalar_of(key, true);
  if (!scalar) return 0;
  const auto value = parse_integer(*scalar);
  if (!value) fault(key, fmt::format("'{}' is not a whole number", *scalar));
  return value.value_or(0);
}

double Config::number(std::string_view key) const {
  const auto scalar = scalar_of(key, true);
  if (!scalar) return 0;
  const auto value = parse_number(*scalar);
  if (!value) fault(key, fmt::format("'{}' is not a number", *scalar));
  return value.value_or(0);
}

bool Config::boolean(std::string_view key) const {
  const auto scalar = scalar_of(key, true);
  if (!scalar) return false;
  if (*scalar != "true" && *scalar != "false")
    fault(key, fmt::format("'{}' is neither true nor false", *scalar));
  return *scalar == "true";
}

template <class Q>
Q Config::quantity(std::string_view key) const {
  const auto scalar = scalar_of(key, true);
  if (!scalar) return Q{};
  try {
    return parse_quantity<Q>(*scalar);
  } catch (const Error& error) {
    fault(key, error.what());
    return Q{};
  }
}
template Cycles Config::quantity<Cycles>(std::string_view) const;
template Bits Config::quantity<Bits>(std::string_view) const;
template Picojoules Config::quantity<Picojoules>(std::string_view) const;
template Hertz Config::quantity<Hertz>(std::string_view) const;
template Seconds Config::quantity<Seconds>(std::string_view) const;
template Watts Config::quantity<Watts>(std::string_view) const;
template SquareMillimetres Config::quantity<SquareMillimetres>(std::string_view) const;

std::vector<std::string> Config::texts(std::string_view key) const {
  const Entry* entry = find(key, true);
  std::vector<std::string> values;
  if (entry == nullptr) return values;
  if (entry->kind != Entry::Kind::sequence) {
    fault(key, fmt::format("'{}' must be a list", key), "write [a, b, c]");
    entry->mark_read();
    return values;
  }
  for (const auto& child : entry->children) {
    if (child->kind != Entry::Kind::scalar) {
      fault(key, fmt::format("'{}' must be a list of plain values", key));
      entry->mark_read();
      return {};
    }
    child->read = true;
    values.push_back(child->scalar);
  }
  return values;
}

std::vector<int64_t> Config::integers(std::string_view key) const {
  std::vector<int64_t> values;
  for (const std::string& text : texts(key)) {
    const auto value = parse_integer(text);
    if (!value) fault(key, fmt::format("'{}' is not a whole number", text));
    values.push_back(value.value_or(0));
  }
  return values;
}

std::vector<double> Config::numbers(std::string_view key) const {
  std::vector<double> values;
  for (const std::string& text : texts(key)) {
    const auto value = parse_number(text);
    if (!value) fault(key, fmt::format("'{}' is not a number", text));
    values.push_back(value.value_or(0));
  }
  return values;
}

std::string Config::text(std::string_view key, std::string_view fallback) const {
  return has(key) ? text(key) : std::string(fallback);
}
int64_t Config::integer(std::string_view key, int64_t fallback) const {
  return has(key) ? integer(key) : fallback;
}
double Config::number(std::string_view key, double fallback) const {
  return has(key) ? number(key) : fallback;
}
bool Config::boolean(std::string_view key, bool fallback) const { return has(key) ? boolean(key) : fallback; }

std::string Config::choice(std::string_view key, const std::vector<std::string>& words) const {
  const auto scalar = scalar_of(key, true);
  if (scalar && std::find(words.begin(), words.end(), *scalar) != words.end()) return *scalar;
  if (scalar) fault(key, fmt::format("'{}' is not possible for '{}'", *scalar, key), suggest(*scalar, words));
  return words.empty() ? "" : words.front();
}

std::string Config::choice(std::string_view key, const std::vector<std::string>& words,
                           std::string_view fallback) const {
  return has(key) ? choice(key, words) : std::string(fallback);
}

Config Config::section(std::string_view key) const {
  const Entry* entry = find(key, false);
  if (entry != nullptr && entry->kind != Entry::Kind::map) {
    fault(key, fmt::format("'{}' must hold keys", key));
    entry->mark_read();
    entry = nullptr;
  }
  return Config(document_, entry);
}

std::vector<Config> Config::list(std::string_view key) const {
  const Entry* entry = find(key, false);
  std::vector<Config> items;
  if (entry == nullptr) return items;
  if (entry->kind != Entry::Kind::sequence) {
    fault(key, fmt::format("'{}' must be a list", key));
    entry->mark_read();
  }
  for (const auto& child : entry->children) {
    if (entry->kind == Entry::Kind::sequence) items.push_back(Config(document_, child.get()));
  }
  return items;
}

std::vector<std::string> Config::keys() const {
  std::vector<std::string> keys;
  if (entry_ != nullptr && entry_->kind == Entry::Kind::map) {
    for (const auto& child : entry_->children) keys.push_back(child->key);
  }
  return keys;
}

bool Config::has(std::string_view key) const { return find(key, false) != nullptr; }
bool Config::is_list(std::string_view key) const {
  const Entry* entry = find(key, false);
  return entry != nullptr && entry->kind == Entry::Kind::sequence;
}
bool Config::is_scalar() const { return entry_ != nullptr && entry_->kind == Entry::Kind::scalar; }

std::string Config::scalar() const {
  if (!is_scalar()) {
    fault({}, "must be a single value");
    if (entry_ != nullptr) entry_->mark_read();
    return "";
  }
  entry_->read = true;
  return entry_->scalar;
}

std::string Config::place(std::string_view key) const {
  if (entry_ == nullptr) return document_->name;
  for (const auto& child : entry_->children) {
    if (!key.empty() && child->key == key) return child->place;
  }
  return entry_->place;
}

void Config::fault(std::string_view key, std::string_view what, std::string_view hint) const {
  document_->faults.push_back(Error(place(key), what, hint).what());
}

std::vector<std::string> Config::faults() const {
  std::vector<std::string> all = document_->faults;
  const auto visit = [&](const auto& self, const Entry& entry) -> void {
    for (const auto& child : entry.children) {
      if (child->read) {
        self(self, *child);
      } else if (entry.kind == Entry::Kind::map) {
        all.push_back(Error(child->place, fmt::format("unknown key '{}'", child->key),
                            suggest(child->key, {entry.asked.begin(), entry.asked.end()}))
                          .what());
      } else if (child->kind == Entry::Kind::map) {
        self(self, *child);
      }
    }
  };
  visit(visit, document_->root);
  std::vector<std::string> unique;
  for (const std::string& fault : all) {
    if (std::find(unique.begin(), unique.end(), fault) == unique.end()) unique.push_back(fault);
  }
  std::stable_sort(unique.begin(), unique.end(), [&](const std::string& a, const std::string& b) {
    return position_in(a, document_->name) < position_in(b, document_->name);
  });
  return unique;
}

void Config::finish() const {
  const std::vector<std::string> all = faults();
  if (all.empty()) return;
  const std::string more =
      all.size() == 1 ? "" : fmt::format("(and {} more: 'deltahop check' lists them)", all.size() - 1);
  throw Error("", more.empty() ? all.front() : fmt::format("{} {}", all.front(), more));
}
std::string Config::resolved() const { return document_->as_yaml(); }

}  // namespace deltahop
