// SPDX-License-Identifier: Apache-2.0
// Numbers that carry their unit, so that bits are never added to cycles.
//   Seconds latency = Cycles(66900) / Hertz(125e6);      Hertz clock = parse_quantity<Hertz>("60 MHz");
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace deltahop {

template <class Unit>
class Quantity {
 public:
  using Number = typename Unit::Number;
  constexpr Quantity() = default;
  constexpr explicit Quantity(Number number) : number_(number) {}
  constexpr Number number() const { return number_; }

  constexpr Quantity& operator+=(Quantity other) { return number_ += other.number_, *this; }
  constexpr Quantity& operator-=(Quantity other) { return number_ -= other.number_, *this; }
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return Quantity(a.number_ + b.number_); }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return Quantity(a.number_ - b.number_); }
  friend constexpr Quantity operator*(Quantity a, Number factor) { return Quantity(a.number_ * factor); }
  friend constexpr Quantity operator*(Number factor, Quantity a) { return a * factor; }
  friend constexpr double operator/(Quantity a, Quantity b) {
    return static_cast<double>(a.number_) / static_cast<double>(b.number_);
  }
  friend constexpr auto operator<=>(Quantity, Quantity) = default;

 private:
  Number number_{};
};

// Each unit names its symbol in text and its kind of number: counts are integers, physical values are not.
struct CyclesUnit {
  using Number = int64_t;
  static constexpr std::string_view kSymbol = "cycles";
};
struct BitsUnit {
  using Number = int64_t;
  static constexpr std::string_view kSymbol = "bit";
};
struct PicojoulesUnit {
  using Number = double;
  static constexpr std::string_view kSymbol = "pJ";
};
struct HertzUnit {
  using Number = double;
  static constexpr std::string_view kSymbol = "Hz";
};
struct SecondsUnit {
  using Number = double;
  static constexpr std::string_view kSymbol = "s";
};
struct WattsUnit {
  using Number = double;
  static constexpr std::string_view kSymbol = "W";
};
struct SquareMillimetresUnit {
  using Number = double;
  static constexpr std::string_view kSymbol = "mm2";
};

using Cycles = Quantity<CyclesUnit>;
using Bits = Quantity<BitsUnit>;
using Picojoules = Quantity<PicojoulesUnit>;
using Hertz = Quantity<HertzUnit>;
using Seconds = Quantity<SecondsUnit>;
using Watts = Quantity<WattsUnit>;
using SquareMillimetres = Quantity<SquareMillimetresUnit>;

constexpr Seconds operator/(Cycles cycles, Hertz clock) {
  return Seconds(static_cast<double>(cycles.number()) / clock.number());
}
constexpr Watts operator/(Picojoules energy, Seconds time) {
  return Watts(energy.number() * 1e-12 / time.number());
}
constexpr double bytes_of(Bits bits) { return static_cast<double>(bits.number()) / 8.0; }

// Reads "60 MHz", "1.2 pJ", "64 KiB", "0.5 ms", "6.3 mm2", "1234 cycles". Throws Error on a missing, unknown
// or wrong unit. Binary prefixes (Ki, Mi, Gi) and B/bit are for Bits; SI prefixes p n u m k M G T elsewhere.
template <class Q>
Q parse_quantity(std::string_view text);
extern template Cycles parse_quantity<Cycles>(std::string_view);
extern template Bits parse_quantity<Bits>(std::string_view);
extern template Picojoules parse_quantity<Picojoules>(std::string_view);
extern template Hertz parse_quantity<Hertz>(std::string_view);
extern template Seconds parse_quantity<Seconds>(std::string_view);
extern template Watts parse_quantity<Watts>(std::string_view);
extern template SquareMillimetres parse_quantity<SquareMillimetres>(std::string_view);

// For people: three significant digits and a fitting prefix: "4.2 kB", "535 us", "1.55 mJ", "66.9 k cycles",
// "12.1 M".
std::string to_text(Cycles);
std::string to_text(Bits);  // as bytes, decimal prefixes
std::string to_text(Picojoules);
std::string to_text(Hertz);
std::string to_text(Seconds);
std::string to_text(Watts);
std::string to_text(SquareMillimetres);
std::string count_text(double count);  // "724 M"

}  // namespace deltahop
