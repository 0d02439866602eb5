// SPDX-License-Identifier: Apache-2.0
// Inside of Config: the document as a tree of our own, read from YAML once. For the files of base/config
// only.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "deltahop/base/config.h"

namespace YAML {
class Node;
}

namespace deltahop {

// Ordered keys, places, and a mark on every entry that was asked for.
struct Config::Entry {
  enum class Kind { absent, scalar, sequence, map };
  Kind kind = Kind::absent;
  std::string key;
  std::string scalar;
  std::string place;
  std::vector<std::unique_ptr<Entry>> children;
  mutable bool read = false;
  mutable std::set<std::string> asked;  // the keys the reader knows: candidates for "did you mean"

  // Where the value as a whole is wrong, nothing is said of its parts.
  void mark_read() const {
    read = true;
    for (const auto& child : children) child->mark_read();
  }
};

struct Config::Document {
  std::string name;
  Entry root;
  std::vector<std::string> faults;
  size_t entries = 0;

  // Reads the tree; doubled keys are noted as faults. Throws Error where the text is no map of keys.
  void load(std::string_view text);
  std::string as_yaml() const;

 private:
  void copy(const YAML::Node& node, Entry& entry, int depth);
  void copy_map(const YAML::Node& node, Entry& entry, int depth);
};

}  // namespace deltahop
