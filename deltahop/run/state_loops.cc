// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/state_loops.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

namespace deltahop {
namespace {

constexpr std::array<std::string_view, 18> kDirections = {
    "in",     "input", "prev", "previous", "old",     "initial", "init",    "0", "out",
    "output", "next",  "new",  "n",        "updated", "cur",     "current", "t", "last"};

// The words of a name without those that say before or after: "state_in" and "stateN" are both "state". A
// word ends at a sign, a digit, or where a capital letter begins.
std::string bare_name(const std::string& name) {
  std::vector<std::string> words;
  bool joined = false;
  for (size_t i = 0; i < name.size(); ++i) {
    const auto letter = static_cast<unsigned char>(name[i]);
    if (std::isalnum(letter) == 0) {
      joined = false;
      continue;
    }
    const bool is_digit = std::isdigit(letter) != 0;
    const bool was_digit = i > 0 && std::isdigit(static_cast<unsigned char>(name[i - 1])) != 0;
    const bool is_hump =
        std::isupper(letter) != 0 && i > 0 && std::islower(static_cast<unsigned char>(name[i - 1])) != 0;
    if (!joined || is_digit != was_digit || is_hump) words.emplace_back();
    words.back() += static_cast<char>(std::tolower(letter));
    joined = true;
  }
  std::string bare;
  for (std::string word : words) {
    if (word == "hn" || word == "cn") word.pop_back();
    if (std::find(kDirections.begin(), kDirections.end(), word) == kDirections.end()) bare += word + " ";
  }
  return bare;
}

class Finder {
 public:
  explicit Finder(const Network& network)
      : network_(network), input_taken_(network.inputs().size()), output_taken_(network.outputs().size()) {}

  void take(const StateLoop& loop) {
    std::vector<std::string> inputs, outputs;
    for (size_t i = 0; i < input_taken_.size(); ++i) inputs.push_back(input(i).name);
    for (size_t i = 0; i < output_taken_.size(); ++i) outputs.push_back(output(i).name);
    const auto at = [](const std::vector<std::string>& names, const std::string& name,
                       std::string_view what) {
      const auto found = std::find(names.begin(), names.end(), name);
      if (found == names.end())
        throw Error(fmt::format("state loop to '{}'", name), fmt::format("the network has no such {}", what),
                    suggest(name, names));
      return static_cast<size_t>(found - names.begin());
    };
    const LoopIndices indices{at(inputs, loop.input, "input"), at(outputs, loop.output, "output")};
    const Value &to = input(indices.input), &from = output(indices.output);
    if (to.type != from.type || !from.shape || element_count(*to.shape) != element_count(*from.shape)) {
      throw Error(fmt::format("state loop from '{}' to '{}'", from.name, to.name),
                  fmt::format("{} does not fit {}", from.shape ? to_text(*from.shape) : "an open shape",
                              to_text(*to.shape)));
    }
    if (input_taken_[indices.input])
      throw Error(fmt::format("state loop to '{}'", to.name), "the input is fed by another one");
    keep(indices);
  }

  void find_by_name() {
    for (size_t i = 0; i < input_taken_.size(); ++i) {
      const std::string wanted = bare_name(input(i).name);
      pick(i, [&](size_t o) { return !wanted.empty() && bare_name(output(o).name) == wanted; });
    }
  }

  void find_by_shape() {
    for (size_t i = 1; i < input_taken_.size(); ++i) {
      if (count_like(i) == 1) pick(i, [](size_t) { return true; });
    }
  }

  std::vector<LoopIndices> loops;

 private:
  const Value& input(size_t i) const { return network_.value(network_.inputs()[i].value); }
  const Value& output(size_t i) const { return network_.value(network_.outputs()[i]); }
  bool fit(size_t i, size_t o) const {
    return !output_taken_[o] && input(i).type == output(o).type && input(i).shape == output(o).shape;
  }
  // Inputs left, but the first, of this one's shape.
  int64_t count_like(size_t i) const {
    int64_t count = 0;
    for (size_t k = 1; k < input_taken_.size(); ++k)
      count += !input_taken_[k] && input(k).shape == input(i).shape ? 1 : 0;
    return count;
  }
  template <class Accept>
  void pick(size_t i, const Accept& accept) {
    if (input_taken_[i]) return;
    std::vector<size_t> candidates;
    for (size_t o = 0; o < output_taken_.size(); ++o) {
      if (fit(i, o) && accept(o)) candidates.push_back(o);
    }
    if (candidates.size() == 1) keep({i, candidates[0]});
  }
  void keep(const LoopIndices& indices) {
    loops.push_back(indices);
    input_taken_[indices.input] = output_taken_[indices.output] = true;
  }

  const Network& network_;
  std::vector<bool> input_taken_, output_taken_;
};

}  // namespace

std::vector<LoopIndices> find_loops(const Network& one_step, const std::vector<StateLoop>& given, bool find) {
  Finder finder(one_step);
  for (const StateLoop& loop : given) finder.take(loop);
  if (find) {
    finder.find_by_name();
    finder.find_by_shape();
  }
  return finder.loops;
}

}  // namespace deltahop
