// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/ranges.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {

Ranges parse_ranges(std::string_view text, std::string_view place) {
  Ranges ranges;
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    const auto fault = [&](std::string_view what) {
      return Error(fmt::format("{}:{}", place, number), what, "write gru1.x=3.5, one a line");
    };
    const size_t equals = line.rfind('=');  // names may hold the sign as well
    if (equals == std::string_view::npos || equals == 0) throw fault("is no range");
    double value = 0;
    const char* const last = line.data() + line.size();
    const auto [stop, error] = std::from_chars(line.data() + equals + 1, last, value);
    if (error != std::errc{} || stop != last || !(value >= 0) || std::isinf(value))
      throw fault("has no number");
    if (!ranges.emplace(line.substr(0, equals), value).second) throw fault("says the same thing twice");
  }
  return ranges;
}

std::string text_of(const Ranges& ranges) {
  std::string text;
  for (const auto& [name, value] : ranges) text += fmt::format("{}={}\n", name, value);
  return text;
}

}  // namespace deltahop
