// SPDX-License-Identifier: Apache-2.0
#include "deltahop/report/utf8.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace deltahop {
namespace {

constexpr uint32_t kInvalid = 0xFFFFFFFF;

// Takes one character from the front; kInvalid (one byte taken) where it is no UTF-8.
uint32_t take(std::string_view& text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  const size_t length = first < 0x80                    ? 1
                        : first >= 0xC2 && first < 0xE0 ? 2
                        : (first & 0xF0) == 0xE0        ? 3
                        : first >= 0xF0 && first < 0xF5 ? 4
                                                        : 0;
  uint32_t letter = length == 1 ? first : first & (0xFFu >> (length + 1));
  bool valid = length != 0 && length <= text.size();
  for (size_t i = 1; valid && i < length; ++i) {
    valid = (byte(i) & 0xC0) == 0x80;
    letter = letter << 6 | (byte(i) & 0x3F);
  }
  constexpr std::array<uint32_t, 5> kLowest = {0, 0, 0x80, 0x800, 0x10000};
  valid = valid && letter >= kLowest[length] && letter <= 0x10FFFF && (letter < 0xD800 || letter > 0xDFFF);
  text.remove_prefix(valid ? length : 1);
  return valid ? letter : kInvalid;
}

bool is_harmful(uint32_t letter) {
  return letter < 0x20 || (letter >= 0x7F && letter < 0xA0) || (letter >= 0x202A && letter <= 0x202E) ||
         (letter >= 0x2066 && letter <= 0x2069) || letter == 0x2028 || letter == 0x2029 || letter == 0xFEFF;
}

int width_of(uint32_t letter) {
  struct Range {
    uint32_t first, last;
  };
  static constexpr std::array<Range, 9> kWide = {{{0x1100, 0x115F},
                                                  {0x2E80, 0xA4CF},
                                                  {0xAC00, 0xD7A3},
                                                  {0xF900, 0xFAFF},
                                                  {0xFE30, 0xFE6F},
                                                  {0xFF00, 0xFF60},
                                                  {0xFFE0, 0xFFE6},
                                                  {0x1F300, 0x1FAFF},
                                                  {0x20000, 0x3FFFD}}};
  static constexpr std::array<Range, 5> kZero = {
      {{0x0300, 0x036F}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}}};
  const auto in = [letter](const Range& range) { return letter >= range.first && letter <= range.last; };
  if (std::any_of(kZero.begin(), kZero.end(), in)) return 0;
  return std::any_of(kWide.begin(), kWide.end(), in) ? 2 : 1;
}

}  // namespace

std::string printable(std::string_view text, bool unicode) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::string_view before = text;
    const uint32_t letter = take(text);
    if (letter == kInvalid || is_harmful(letter) || (!unicode && letter > 0x7E)) {
      result += unicode ? "\xEF\xBF\xBD" : "?";
    } else {
      result += before.substr(0, before.size() - text.size());
    }
  }
  return result;
}

int display_width(std::string_view text) {
  int width = 0;
  while (!text.empty()) width += width_of(take(text));
  return width;
}

std::string shortened(std::string_view text, int width, bool unicode) {
  if (display_width(text) <= width) return std::string(text);
  const std::string_view ellipsis = unicode ? "\xE2\x80\xA6" : "..";
  const int room = std::max(0, width - display_width(ellipsis));
  int used = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view next = rest;
    const int step = width_of(take(next));
    if (used + step > room) break;
    used += step;
    rest = next;
  }
  return std::string(text.substr(0, text.size() - rest.size())) + std::string(ellipsis);
}

std::string shortened_front(std::string_view text, int width, bool unicode) {
  if (display_width(text) <= width) return std::string(text);
  const std::string_view ellipsis = unicode ? "\xE2\x80\xA6" : "..";
  const int room = std::max(0, width - display_width(ellipsis));
  while (display_width(text) > room) take(text);
  return std::string(ellipsis).append(text);
}

}  // namespace deltahop
