// SPDX-License-Identifier: Apache-2.0
// The ways to cut a group of dimensions, as a tree.
#include <string>

#include "deltahop/mapping/search_space.h"

namespace deltahop::search_space {
namespace {

using Key = std::array<int64_t, 4>;  // two numbers for what matters most, two for what matters next

// What matters most, by trial: the tiles of buffer and element where elements have loops of their own, else
// how many elements work side by side.
Key key_of(const GroupChoice& choice, bool elements_loop) {
  const auto& [a, b] = choice;
  if (elements_loop) return {a.buffer, b.buffer, a.element, b.element};
  return {a.side_by_side(), b.side_by_side(), a.buffer, b.buffer};
}

// Adds one more to the last part of a level, or begins another part.
void add_below(std::vector<Part>& level, bool is_new, const Measures& least, size_t below) {
  if (is_new) level.push_back({.least = least, .first = below});
  level.back().least.take_least(least);
  level.back().last = below + 1;
}

}  // namespace

const Table& Space::table_of(const Region& region, size_t group_index) {
  std::string key = std::to_string(group_index);
  for (const auto& dimension : kGroups[group_index]) {
    if (dimension) key += ' ' + part_of(region, *dimension);
  }
  const auto [place, is_new] = tables_.try_emplace(std::move(key));
  if (is_new) {
    const auto all = [](const Choice&) { return true; };
    place->second = tree_of(region, group_index, choices_of(region, group_index, all));
  }
  return place->second;
}

// A larger chunk of an element takes no fewer cycles than one by one on as many elements.
Table Space::smallest_of(const Region& region, size_t group_index) const {
  const auto is_small = [](const Choice& choice) {
    return choice.element == 1 && choice.buffer == choice.array;
  };
  return tree_of(region, group_index, choices_of(region, group_index, is_small));
}

template <class Take>
std::vector<GroupChoice> Space::choices_of(const Region& region, size_t group_index, Take&& take) const {
  const auto& dimensions = kGroups[group_index];
  const std::vector<Choice> only{Choice{}};
  const auto& first = choices_[index_of(*dimensions[0])];
  const auto& second = dimensions[1] ? choices_[index_of(*dimensions[1])] : only;
  std::vector<GroupChoice> result;
  for (const Choice& a : first) {
    if (!take(a) || !is_in_region(region, *dimensions[0], a)) continue;
    for (const Choice& b : second) {
      if (!take(b) || (dimensions[1] && !is_in_region(region, *dimensions[1], b))) continue;
      result.push_back({a, b});
    }
  }
  return result;
}

Table Space::tree_of(const Region& region, size_t group_index, std::vector<GroupChoice> choices) const {
  const auto key = [&](const GroupChoice& choice) { return key_of(choice, elements_loop()); };
  std::stable_sort(choices.begin(), choices.end(),
                   [&](const GroupChoice& a, const GroupChoice& b) { return key(a) < key(b); });
  Table table;
  std::vector<Part> middle, top;
  for (const GroupChoice& choice : choices) {
    const Measures measures = measures_of(region, group_index, choice);
    if (!fits(measures)) continue;
    const Key now = key(choice), before = table.choices.empty() ? Key{} : key(table.choices.back());
    const bool is_new_middle = now != before;
    const bool is_new_top = now[0] != before[0] || now[1] != before[1];
    add_below(middle, is_new_middle, measures, table.parts.size());
    add_below(top, is_new_top, measures, middle.size() - 1);
    table.parts.push_back({.least = measures, .choice = table.choices.size()});
    table.choices.push_back(choice);
  }
  // One level after another in one list: what lies below moves by what stands before it.
  for (Part& part : top) part.first += table.parts.size(), part.last += table.parts.size();
  table.first = table.parts.size() + middle.size();
  table.last = table.first + top.size();
  table.parts.insert(table.parts.end(), middle.begin(), middle.end());
  table.parts.insert(table.parts.end(), top.begin(), top.end());
  return table;
}

}  // namespace deltahop::search_space
