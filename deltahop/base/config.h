// SPDX-License-Identifier: Apache-2.0
// A strict view of one YAML file. Every key must be asked for, every value must be of the right type and
// unit, no key may come twice; each fault has file, line and column. Faults are collected, so that one
// reading finds all of them.
//   Config config = Config::from_file("chip.yaml");
//   const Hertz clock = config.quantity<Hertz>("clock");
//   config.finish();                                       // throws the first fault, says how many more
//   there are
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "deltahop/base/units.h"

namespace deltahop {

class Config {
 public:
  // Broken YAML, doubled keys, anchors that multiply beyond reason and non-UTF-8 text are faults of the
  // document.
  static Config from_file(const std::filesystem::path& path);
  static Config from_text(std::string_view text, std::string_view name);

  // Replaces or adds values before reading: "dram.clock=800 MHz". Throws Error where the path leads through a
  // scalar or the setting has no '='. The place of an overridden value is the setting itself.
  void set(std::string_view setting);

  // A missing or wrong value is noted as a fault, and an empty value comes back: read on, then call finish().
  std::string text(std::string_view key) const;
  int64_t integer(std::string_view key) const;
  double number(std::string_view key) const;
  bool boolean(std::string_view key) const;
  template <class Q>
  Q quantity(std::string_view key) const;
  std::vector<int64_t> integers(std::string_view key) const;
  std::vector<double> numbers(std::string_view key) const;
  std::vector<std::string> texts(std::string_view key) const;
  // The same with a default where the key is absent.
  std::string text(std::string_view key, std::string_view fallback) const;
  int64_t integer(std::string_view key, int64_t fallback) const;
  double number(std::string_view key, double fallback) const;
  bool boolean(std::string_view key, bool fallback) const;
  template <class Q>
  Q quantity(std::string_view key, Q fallback) const {
    return has(key) ? quantity<Q>(key) : fallback;
  }
  // One of the given words.
  std::string choice(std::string_view key, const std::vector<std::string>& words) const;
  std::string choice(std::string_view key, const std::vector<std::string>& words,
                     std::string_view fallback) const;

  Config section(std::string_view key) const;            // a map; an empty view where absent
  std::vector<Config> list(std::string_view key) const;  // a sequence of maps or scalars; empty where absent
  std::vector<std::string> keys() const;  // of this map, in file order; does not count as asking
  bool has(std::string_view key) const;
  bool is_list(std::string_view key) const;  // for keys that take one value or a list of them
  bool is_scalar() const;
  std::string scalar() const;  // of a list element that is a scalar; counts as read

  // Notes a fault of meaning at the place of `key` (or of this view where key is empty).
  void fault(std::string_view key, std::string_view what, std::string_view hint = {}) const;
  std::string place(std::string_view key = {}) const;  // "nullhop.yaml:4:1"

  // All faults so far, unread keys of the whole document included; in file order.
  std::vector<std::string> faults() const;
  // Throws Error where there are faults.
  void finish() const;
  // The document as YAML text with the settings applied: for provenance.
  std::string resolved() const;

 private:
  struct Document;
  struct Entry;
  Config(std::shared_ptr<Document> document, const Entry* entry)
      : document_(std::move(document)), entry_(entry) {}
  const Entry* find(std::string_view key, bool required) const;
  std::optional<std::string> scalar_of(std::string_view key, bool required) const;

  std::shared_ptr<Document> document_;
  const Entry* entry_ = nullptr;
};

}  // namespace deltahop
