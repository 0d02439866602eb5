// SPDX-License-Identifier: Apache-2.0
#include "deltahop/base/units.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

struct Prefix {
  std::string_view text;
  double factor;
};
constexpr std::array<Prefix, 14> kPrefixes = {{{"", 1.0},
                                               {"p", 1e-12},
                                               {"n", 1e-9},
                                               {"u", 1e-6},
                                               {"m", 1e-3},
                                               {"k", 1e3},
                                               {"K", 1e3},
                                               {"M", 1e6},
                                               {"G", 1e9},
                                               {"T", 1e12},
                                               {"Ki", 1024.0},
                                               {"Mi", 1048576.0},
                                               {"Gi", 1073741824.0},
                                               {"f", 1e-15}}};

// Binary prefixes, and the K of old, are for amounts of memory.
std::optional<double> prefix_factor(std::string_view text, bool of_memory) {
  for (const Prefix& prefix : kPrefixes) {
    const bool binary = prefix.text.ends_with("i") || prefix.text == "K";
    if (prefix.text == text && (of_memory || !binary)) return prefix.factor;
  }
  return std::nullopt;
}

// The factor that turns one `unit` into the base of `symbol` ("pJ", "bit", ...), if it is a unit of that
// kind.
std::optional<double> unit_factor(std::string_view unit, std::string_view symbol) {
  if (symbol == "cycles") return unit == "cycles" || unit == "cycle" ? std::optional(1.0) : std::nullopt;
  if (symbol == "mm2") {
    if (unit == "mm2") return 1.0;
    return unit == "um2" ? std::optional(1e-6) : std::nullopt;
  }
  if (symbol == "bit") {
    if (unit.ends_with("bit")) return prefix_factor(unit.substr(0, unit.size() - 3), true);
    if (!unit.ends_with("B")) return std::nullopt;
    const auto factor = prefix_factor(unit.substr(0, unit.size() - 1), true);
    return factor ? std::optional(*factor * 8.0) : std::nullopt;
  }
  const bool picojoules = symbol == "pJ";
  const std::string_view base = picojoules ? "J" : symbol;
  if (!unit.ends_with(base)) return std::nullopt;
  const auto factor = prefix_factor(unit.substr(0, unit.size() - base.size()), false);
  return factor ? std::optional(*factor * (picojoules ? 1e12 : 1.0)) : std::nullopt;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Three significant digits with a prefix; `symbol` follows it.
std::string scaled_text(double value, std::string_view symbol) {
  static constexpr std::array<Prefix, 9> kScales = {{{"T", 1e12},
                                                     {"G", 1e9},
                                                     {"M", 1e6},
                                                     {"k", 1e3},
                                                     {"", 1.0},
                                                     {"m", 1e-3},
                                                     {"u", 1e-6},
                                                     {"n", 1e-9},
                                                     {"p", 1e-12}}};
  if (value == 0.0 || !std::isfinite(value)) return fmt::format("{} {}", value, symbol);
  for (const Prefix& scale : kScales) {
    const double scaled = value / scale.factor;
    if (std::abs(scaled) < 0.9995 && scale.factor != 1e-12) continue;
    const int decimals = std::abs(scaled) < 9.995 ? 2 : std::abs(scaled) < 99.95 ? 1 : 0;
    std::string number = fmt::format("{:.{}f}", scaled, decimals);
    return fmt::format("{} {}{}", number, scale.text, symbol);
  }
  return {};
}

}  // namespace

template <class Q>
Q parse_quantity(std::string_view text) {
  const std::string_view clean = trimmed(text);
  double number = 0;
  const auto [end, fault] = std::from_chars(clean.data(), clean.data() + clean.size(), number);
  const std::string_view symbol = []<class Unit>(Quantity<Unit>) { return Unit::kSymbol; }(Q{});
  if (fault != std::errc{} || !std::isfinite(number)) {
    throw Error("", fmt::format("'{}' is not a number with a unit", text),
                fmt::format("write for example '10 {}'", symbol));
  }
  const std::string_view unit = trimmed(clean.substr(static_cast<size_t>(end - clean.data())));
  const auto factor = unit_factor(unit, symbol);
  if (!factor) {
    throw Error("",
                unit.empty() ? fmt::format("'{}' has no unit", text)
                             : fmt::format("'{}' is not a unit of {}", unit, symbol),
                fmt::format("write for example '10 {}'", symbol));
  }
  const double value = number * *factor;
  if constexpr (std::is_integral_v<typename Q::Number>) {
    if (value != std::round(value) || std::abs(value) > 9e18)
      throw Error("", fmt::format("'{}' is not a whole number of {}", text, symbol));
    return Q(static_cast<typename Q::Number>(value));
  } else {
    return Q(value);
  }
}

template Cycles parse_quantity<Cycles>(std::string_view);
template Bits parse_quantity<Bits>(std::string_view);
template Picojoules parse_quantity<Picojoules>(std::string_view);
template Hertz parse_quantity<Hertz>(std::string_view);
template Seconds parse_quantity<Seconds>(std::string_view);
template Watts parse_quantity<Watts>(std::string_view);
template SquareMillimetres parse_quantity<SquareMillimetres>(std::string_view);

std::string count_text(double count) {
  if (count == std::round(count) && std::abs(count) < 1000) return fmt::format("{:.0f}", count);
  if (std::abs(count) < 1) return fmt::format("{:.3g}", count);  // a share of something: no milli-counts
  std::string text = scaled_text(count, "");
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

std::string to_text(Cycles cycles) {
  return fmt::format("{} cycles", count_text(static_cast<double>(cycles.number())));
}
std::string to_text(Bits bits) { return scaled_text(bytes_of(bits), "B"); }
std::string to_text(Picojoules energy) { return scaled_text(energy.number() * 1e-12, "J"); }
std::string to_text(Hertz frequency) { return scaled_text(frequency.number(), "Hz"); }
std::string to_text(Seconds time) { return scaled_text(time.number(), "s"); }
std::string to_text(Watts power) { return scaled_text(power.number(), "W"); }
std::string to_text(SquareMillimetres area) { return fmt::format("{:.3g} mm2", area.number()); }

}  // namespace deltahop
