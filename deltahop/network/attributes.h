// SPDX-License-Identifier: Apache-2.0
// The named attributes of a node, as ONNX has them. Each must be asked for: what no one read is an error.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "deltahop/tensor/tensor.h"

namespace deltahop {

using Attribute = std::variant<int64_t, float, std::string, std::vector<int64_t>, std::vector<float>,
                               std::vector<std::string>, Tensor>;

class Attributes {
 public:
  Attributes() = default;
  Attributes(std::initializer_list<std::pair<const std::string, Attribute>> entries) : entries_(entries) {}

  void set(std::string name, Attribute value) { entries_[std::move(name)] = std::move(value); }
  void erase(std::string_view name) { entries_.erase(std::string(name)); }
  bool has(std::string_view name) const { return entries_.count(std::string(name)) != 0; }
  const std::map<std::string, Attribute>& entries() const { return entries_; }

  // The value, or the default where absent; throws Error where the attribute is of another type.
  int64_t integer(std::string_view name, int64_t fallback) const { return get<int64_t>(name, fallback); }
  float number(std::string_view name, float fallback) const { return get<float>(name, fallback); }
  std::string text(std::string_view name, std::string fallback) const {
    return get<std::string>(name, std::move(fallback));
  }
  std::vector<int64_t> integers(std::string_view name, std::vector<int64_t> fallback = {}) const {
    return get<std::vector<int64_t>>(name, std::move(fallback));
  }
  std::vector<float> numbers(std::string_view name, std::vector<float> fallback = {}) const {
    return get<std::vector<float>>(name, std::move(fallback));
  }
  std::vector<std::string> texts(std::string_view name, std::vector<std::string> fallback = {}) const {
    return get<std::vector<std::string>>(name, std::move(fallback));
  }
  std::optional<Tensor> tensor(std::string_view name) const;

  // Throws Error naming the first attribute that nobody asked for: an option is never silently ignored.
  void finish() const;

 private:
  template <class T>
  T get(std::string_view name, T fallback) const {
    asked_.emplace(name);
    const auto found = entries_.find(std::string(name));
    if (found == entries_.end()) return fallback;
    const T* value = std::get_if<T>(&found->second);
    if (value == nullptr) throw_wrong_type(name);
    return *value;
  }
  [[noreturn]] static void throw_wrong_type(std::string_view name);

  std::map<std::string, Attribute> entries_;
  mutable std::set<std::string> asked_;
};

}  // namespace deltahop
