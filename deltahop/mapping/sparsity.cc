// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/sparsity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

constexpr std::array<Operand, 2> kFactors = {Operand::weight, Operand::input};

bool contains(const std::vector<Operand>& operands, Operand operand) {
  return std::find(operands.begin(), operands.end(), operand) != operands.end();
}

std::vector<Operand> read_factors(const Config& config, std::string_view key) {
  std::vector<Operand> operands;
  if (!config.has(key)) return operands;
  const auto words = config.is_list(key) ? config.texts(key) : std::vector<std::string>{config.text(key)};
  for (const std::string& word : words) {
    const auto place = std::find_if(kFactors.begin(), kFactors.end(),
                                    [&](Operand operand) { return name_of(operand) == word; });
    if (place == kFactors.end()) {
      config.fault(key, fmt::format("'{}' is no factor of a product", word), "known: weights, inputs");
    } else if (contains(operands, *place)) {
      config.fault(key, fmt::format("'{}' stands twice", word));
    } else {
      operands.push_back(*place);
    }
  }
  return operands;
}

void read_codes(const Config& config, std::string_view place, std::array<Code, kOperands>& codes) {
  if (!config.has(place)) return;
  const Config section = config.section(place);
  const std::vector<std::string> words(kCodeNames.begin(), kCodeNames.end());
  for (const Operand operand : kAllOperands) {
    const std::string_view key = name_of(operand);
    if (!section.has(key)) continue;
    const std::string word = section.choice(key, words, words.front());
    const auto found = std::find(words.begin(), words.end(), word);
    codes[index_of(operand)] = static_cast<Code>(found == words.end() ? 0 : found - words.begin());
    if (operand == Operand::output && place != "dram")
      section.fault(key, "partial sums are not coded", "outputs are coded at 'dram' only");
  }
}

// The share of multiplications in which none of the operands is zero.
double share_of(const LayerZeros& zeros, const std::vector<Operand>& operands) {
  const bool weights = contains(operands, Operand::weight), inputs = contains(operands, Operand::input);
  if (weights && inputs) return zeros.both_macs;
  return weights ? zeros.weight_macs : inputs ? zeros.input_macs : 1.0;
}

// Elements that differ in the operand, of those that work at once on the first tile.
int64_t different_elements(const std::vector<Operand>& operands, const Problem& problem,
                           const Hierarchy& hierarchy, const Mapping& mapping) {
  DimensionSizes size = tile_before_array(problem, hierarchy, mapping);
  int64_t elements = 1;
  for (const LevelLoops& level : mapping.levels) {
    for (const Loop& loop : level.loops) {
      int64_t& walked = size[index_of(loop.dimension)];
      const bool differs = std::any_of(operands.begin(), operands.end(),
                                       [&](Operand operand) { return is_relevant(operand, loop.dimension); });
      if (loop.kind != LoopKind::temporal && differs) elements *= (walked + loop.step - 1) / loop.step;
      if (loop.kind != LoopKind::temporal) walked = std::min(walked, loop.step);
    }
  }
  return elements;
}

// Products of a tile are not zero or not independently of each other only where they share no factor. So many
// independent ones would vary as much: of n products, each sharing an input with n / inputs and a weight with
// n / weights of them.
int64_t independent_trials(const std::vector<Operand>& skips, const LayerZeros& zeros, const Problem& problem,
                           const DimensionSizes& tile) {
  double products = 1, density = 1;
  for (const int64_t size : tile) products *= static_cast<double>(size);
  for (const Operand operand : skips) density *= share_of(zeros, {operand});
  if (density <= 0 || density >= 1) return static_cast<int64_t>(products);
  double variance = density * (1 - density);  // of a product, and with those that share a factor with it
  for (const Operand operand : skips) {
    const double own = share_of(zeros, {operand});
    const double sharing = products / static_cast<double>(problem.elements(operand, tile)) - 1;
    variance += std::max(0.0, sharing) * density * density / own * (1 - own);
  }
  return std::max<int64_t>(1, std::llround(products * density * (1 - density) / variance));
}

double log_binomial(int64_t n, int64_t k) {
  return std::lgamma(static_cast<double>(n + 1)) - std::lgamma(static_cast<double>(k + 1)) -
         std::lgamma(static_cast<double>(n - k + 1));
}

}  // namespace

bool Sparsity::uses_zeros() const {
  const auto codes = [](const std::array<Code, kOperands>& place) {
    return std::any_of(place.begin(), place.end(), [](Code code) { return code != Code::none; });
  };
  return !gates.empty() || !skips.empty() || codes(at_dram) || codes(at_buffer) || codes(over_array);
}

Sparsity read_sparsity(const Config& config, std::string_view name) {
  Sparsity sparsity;
  sparsity.name = name;
  sparsity.summary = config.text("summary", "");
  sparsity.citation = config.text("citation", "");
  sparsity.gates = read_factors(config, "gates");
  sparsity.skips = read_factors(config, "skips");
  for (const Operand operand : sparsity.skips) {
    if (contains(sparsity.gates, operand))
      config.fault("gates", fmt::format("zero {} are skipped, so nothing is left to gate", name_of(operand)),
                   "name them in one of 'gates' and 'skips'");
  }
  if (config.has("codes")) {
    const Config codes = config.section("codes");
    read_codes(codes, "dram", sparsity.at_dram);
    read_codes(codes, "buffer", sparsity.at_buffer);
    read_codes(codes, "array", sparsity.over_array);
  }
  return sparsity;
}

Savings savings_of(const Sparsity& sparsity, const LayerZeros& zeros, int64_t word_bits) {
  Savings savings;
  std::vector<Operand> found = sparsity.skips;
  double left = share_of(zeros, found);
  savings.cycles = left;
  for (const Operand operand : sparsity.skips) savings.in_element[index_of(operand)] = left;
  for (const Operand operand : sparsity.gates) {
    savings.in_element[index_of(operand)] = left;
    found.push_back(operand);
    left = share_of(zeros, found);
  }
  for (const Operand operand : kAllOperands) {
    if (!contains(found, operand)) savings.in_element[index_of(operand)] = left;
  }
  savings.macs = left;
  savings.size.assign(2, {1.0, 1.0, 1.0});
  const auto size = [&](Operand operand, const std::array<Code, kOperands>& codes) {
    return std::min(1.0, zeros.of(operand).size(codes[index_of(operand)], word_bits));
  };
  for (const Operand operand : kFactors) {
    const size_t index = index_of(operand);
    savings.size[0][index] = size(operand, sparsity.at_dram);
    savings.size[1][index] = size(operand, sparsity.at_buffer);
    savings.over_array[index] = size(operand, sparsity.over_array);
  }
  savings.finished = size(Operand::output, sparsity.at_dram);
  return savings;
}

double expected_largest(int64_t count, int64_t trials, double probability) {
  if (probability <= 0 || trials < 1) return 0;
  const auto n = static_cast<double>(trials);
  if (probability >= 1 || count < 1) return n;
  const double mean = n * probability, deviation = std::sqrt(mean * (1 - probability));
  // Beyond this the largest of 2^60 lies with a probability below 10^-15.
  const auto begin = std::max<int64_t>(0, static_cast<int64_t>(mean - 14 * deviation - 2));
  const auto end = std::min<int64_t>(trials, static_cast<int64_t>(mean + 14 * deviation + 200));
  double below = 0, largest = static_cast<double>(begin);
  for (int64_t k = begin; k < end; ++k) {
    below += std::exp(log_binomial(trials, k) + static_cast<double>(k) * std::log(probability) +
                      static_cast<double>(trials - k) * std::log1p(-probability));
    largest += 1 - std::pow(std::min(1.0, below), static_cast<double>(count));
  }
  return largest;
}

double waiting_cycles(const Sparsity& sparsity, const LayerZeros& zeros, const Problem& problem,
                      const Hierarchy& hierarchy, const Mapping& mapping) {
  const double share = share_of(zeros, sparsity.skips);
  if (share >= 1) return 1.0;
  std::vector<Operand> skips = sparsity.skips;
  std::erase_if(skips, [&](Operand operand) { return share_of(zeros, {operand}) >= 1; });
  const int64_t elements = different_elements(skips, problem, hierarchy, mapping);
  const bool has_tiles = hierarchy.array_level < hierarchy.levels.size() &&
                         std::all_of(sparsity.skips.begin(), sparsity.skips.end(), [&](Operand operand) {
                           return hierarchy.levels[hierarchy.array_level].keeps[index_of(operand)];
                         });
  DimensionSizes tile{1, 1, 1, 1, 1, 1, 1, 1};
  if (has_tiles) tile = tile_of(problem, mapping, hierarchy.array_level);
  const int64_t trials = independent_trials(skips, zeros, problem, tile);
  return std::max(share, expected_largest(elements, trials, share) / static_cast<double>(trials));
}

}  // namespace deltahop
