// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/sweep_axis.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/base/units.h"

namespace deltahop {
namespace {

constexpr std::array<std::string_view, 5> kNames = {"glb", "rf", "pes", "batch", "bandwidth"};
constexpr size_t kMostValues = 1000;

Error fault(std::string_view text, std::string_view what) {
  return {"--sweep", fmt::format("'{}': {}", text, what),
          "as glb=64..512KiB, glb=64..512KiB:7, rf=128B,512B, pes=8x8,16x16, batch=1..16, bandwidth=1..16"};
}

bool is_storage(SweepSize size) { return size == SweepSize::glb || size == SweepSize::rf; }

// A whole number above zero and what stands behind it.
struct Amount {
  int64_t number = 0;
  std::string unit;
};
std::optional<Amount> amount_of(std::string_view text) {
  Amount amount;
  const char* const end = text.data() + text.size();
  const auto [stopped, wrong] = std::from_chars(text.data(), end, amount.number);
  if (wrong != std::errc() || amount.number < 1 || amount.number > (int64_t{1} << 40)) return std::nullopt;
  std::string_view rest(stopped, static_cast<size_t>(end - stopped));
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  amount.unit = rest;
  return amount;
}

SweepValue value_of(SweepSize size, const Amount& amount, std::string_view text) {
  if (!is_storage(size)) {
    if (!amount.unit.empty()) throw fault(text, fmt::format("'{}' is no unit here", amount.unit));
    return {std::to_string(amount.number), static_cast<double>(amount.number)};
  }
  const std::string word = fmt::format("{} {}", amount.number, amount.unit.empty() ? "B" : amount.unit);
  try {
    return {word, static_cast<double>(parse_quantity<Bits>(word).number()) / 8};
  } catch (const Error&) {
    throw fault(text, fmt::format("'{}' is no size", word));
  }
}

// "12x14", or a number that becomes as square an array as its divisors allow.
SweepValue array_of(std::string_view word, std::string_view text) {
  const size_t cross = word.find('x');
  const auto rows = amount_of(word.substr(0, cross));
  const auto columns = cross == std::string_view::npos ? Amount{1, ""} : amount_of(word.substr(cross + 1));
  if (!rows || !columns || !rows->unit.empty() || !columns->unit.empty())
    throw fault(text, fmt::format("'{}' is no array", word));
  int64_t high = rows->number, wide = columns->number;
  if (cross == std::string_view::npos) {
    const int64_t all = high;
    if (all > 1'000'000) throw fault(text, fmt::format("'{}' are too many elements", word));
    for (int64_t side = 1; side * side <= all; ++side) {
      if (all % side == 0) high = side;
    }
    wide = all / high;
  }
  return {fmt::format("{}x{}", high, wide), static_cast<double>(high) * static_cast<double>(wide)};
}

std::vector<int64_t> steps_of(int64_t from, int64_t to, std::optional<int64_t> steps) {
  std::vector<int64_t> numbers;
  if (!steps) {
    for (int64_t number = from; number < to; number *= 2) numbers.push_back(number);
    numbers.push_back(to);
    return numbers;
  }
  const double factor = static_cast<double>(to) / static_cast<double>(from);
  for (int64_t i = 0; i < *steps; ++i) {
    const double share = *steps == 1 ? 0 : static_cast<double>(i) / static_cast<double>(*steps - 1);
    const int64_t number = std::llround(static_cast<double>(from) * std::pow(factor, share));
    if (numbers.empty() || numbers.back() != number) numbers.push_back(number);
  }
  return numbers;
}

// "64..512KiB", "64..512KiB:7".
std::vector<SweepValue> range_of(SweepSize size, std::string_view word, std::string_view text) {
  const size_t dots = word.find(".."), colon = word.find(':', dots);
  const auto from = amount_of(word.substr(0, dots));
  const auto to =
      amount_of(word.substr(dots + 2, colon == std::string_view::npos ? colon : colon - dots - 2));
  std::optional<int64_t> steps;
  if (colon != std::string_view::npos) {
    const auto count = amount_of(word.substr(colon + 1));
    if (!count || !count->unit.empty() || count->number > static_cast<int64_t>(kMostValues))
      throw fault(text, "the number of steps is none");
    steps = count->number;
  }
  if (!from || !to) throw fault(text, "both ends of a range are whole numbers");
  if (!from->unit.empty() && from->unit != to->unit) throw fault(text, "both ends of a range have one unit");
  if (from->number > to->number) throw fault(text, "the range falls");
  std::vector<SweepValue> values;
  for (const int64_t number : steps_of(from->number, to->number, steps)) {
    if (size == SweepSize::pes)
      values.push_back(array_of(std::to_string(number), text));
    else
      values.push_back(value_of(size, {number, to->unit}, text));
  }
  return values;
}

}  // namespace

std::vector<std::string> SweepAxis::settings(const SweepValue& value) const {
  switch (size) {
    case SweepSize::glb:
      return {"buffer.capacity=" + value.text};
    case SweepSize::rf:
      return {"element.capacity=" + value.text};
    case SweepSize::pes: {
      const size_t cross = value.text.find('x');
      return {"array.rows=" + value.text.substr(0, cross), "array.columns=" + value.text.substr(cross + 1)};
    }
    default:
      return {};
  }
}

SweepAxis parse_sweep(std::string_view text) {
  const size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  const auto place = std::find(kNames.begin(), kNames.end(), name);
  if (equals == std::string_view::npos || place == kNames.end())
    throw fault(text, fmt::format("'{}' is nothing to sweep", name));
  SweepAxis axis;
  axis.size = static_cast<SweepSize>(place - kNames.begin());
  axis.name = name;
  std::string_view rest = text.substr(equals + 1);
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    const std::string_view word = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    if (word.find("..") != std::string_view::npos) {
      for (SweepValue& value : range_of(axis.size, word, text)) axis.values.push_back(std::move(value));
    } else if (axis.size == SweepSize::pes) {
      axis.values.push_back(array_of(word, text));
    } else {
      const auto amount = amount_of(word);
      if (!amount) throw fault(text, fmt::format("'{}' is no whole number above zero", word));
      axis.values.push_back(value_of(axis.size, *amount, text));
    }
  }
  if (axis.values.empty()) throw fault(text, "there are no values");
  if (axis.values.size() > kMostValues) throw fault(text, fmt::format("more than {} values", kMostValues));
  return axis;
}

}  // namespace deltahop
