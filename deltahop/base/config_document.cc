// SPDX-License-Identifier: Apache-2.0
#include "deltahop/base/config_document.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

constexpr int kDeepestNesting = 64;
constexpr size_t kMostEntries = 1000000;

// Shortest forms only, no surrogates, nothing beyond U+10FFFF.
bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = [&](size_t k) {
      return i + k < text.size() ? static_cast<uint8_t>(text[i + k]) : uint8_t{0};
    };
    const uint8_t lead = byte(0), next = byte(1);
    const size_t length = lead < 0x80                   ? 1
                          : lead >= 0xc2 && lead < 0xe0 ? 2
                          : lead >= 0xe0 && lead < 0xf0 ? 3
                          : lead >= 0xf0 && lead < 0xf5 ? 4
                                                        : 0;
    if (length == 0) return false;
    for (size_t k = 1; k < length; ++k) {
      if ((byte(k) & 0xc0) != 0x80) return false;
    }
    if ((lead == 0xe0 && next < 0xa0) || (lead == 0xed && next >= 0xa0) || (lead == 0xf0 && next < 0x90) ||
        (lead == 0xf4 && next >= 0x90))
      return false;
    i += length;
  }
  return true;
}

std::string place_of(std::string_view name, const YAML::Mark& mark) {
  return mark.is_null() ? std::string(name) : fmt::format("{}:{}:{}", name, mark.line + 1, mark.column + 1);
}

}  // namespace

void Config::Document::load(std::string_view text) {
  root.place = name;
  if (text.find('\0') != std::string_view::npos) throw Error(name, "is not text: it holds a zero byte");
  if (!is_utf8(text)) throw Error(name, "is not UTF-8 text", "save it as UTF-8");
  try {
    const YAML::Node node = YAML::Load(std::string(text));
    if (!node.IsDefined() || node.IsNull()) throw Error(name, "is empty", "a YAML map of keys is expected");
    if (!node.IsMap()) throw Error(name, "is not a YAML map", "write 'key: value' lines");
    copy(node, root, 0);
  } catch (const YAML::Exception& fault) {
    throw Error(place_of(name, fault.mark), fmt::format("not YAML: {}", fault.msg));
  }
}

void Config::Document::copy(const YAML::Node& node, Entry& entry, int depth) {
  if (depth > kDeepestNesting) throw Error(entry.place, "is nested too deeply");
  if (++entries > kMostEntries)
    throw Error(name, "has too many entries", "an alias may repeat itself without end");
  if (node.IsScalar()) {
    entry.kind = Entry::Kind::scalar;
    entry.scalar = node.Scalar();
  } else if (node.IsSequence()) {
    entry.kind = Entry::Kind::sequence;
    for (const auto& item : node) {
      auto& child = entry.children.emplace_back(std::make_unique<Entry>());
      child->place = place_of(name, item.Mark());
      copy(item, *child, depth + 1);
    }
  } else if (node.IsMap()) {
    entry.kind = Entry::Kind::map;
    copy_map(node, entry, depth);
  }
}

void Config::Document::copy_map(const YAML::Node& node, Entry& entry, int depth) {
  std::set<std::string> seen;
  for (const auto& pair : node) {
    const std::string place = place_of(name, pair.first.Mark());
    if (!pair.first.IsScalar()) throw Error(place, "a key must be a plain word");
    if (!seen.insert(pair.first.Scalar()).second) {
      faults.push_back(
          Error(place, fmt::format("key '{}' stands twice", pair.first.Scalar()), "keep one of them").what());
      continue;
    }
    auto& child = entry.children.emplace_back(std::make_unique<Entry>());
    child->key = pair.first.Scalar();
    child->place = place;
    copy(pair.second, *child, depth + 1);
  }
}

std::string Config::Document::as_yaml() const {
  YAML::Emitter out;
  const auto emit = [&](const auto& self, const Entry& entry) -> void {
    switch (entry.kind) {
      case Entry::Kind::scalar:
        out << entry.scalar;
        break;
      case Entry::Kind::absent:
        out << YAML::Null;
        break;
      case Entry::Kind::sequence:
        out << YAML::BeginSeq;
        for (const auto& child : entry.children) self(self, *child);
        out << YAML::EndSeq;
        break;
      case Entry::Kind::map:
        out << YAML::BeginMap;
        for (const auto& child : entry.children) {
          out << YAML::Key << child->key << YAML::Value;
          self(self, *child);
        }
        out << YAML::EndMap;
        break;
    }
  };
  emit(emit, root);
  return out.c_str();
}

}  // namespace deltahop
