// SPDX-License-Identifier: Apache-2.0
#include "deltahop/base/error.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace deltahop {
namespace {

std::string join_message(std::string_view place, std::string_view what, std::string_view hint) {
  std::string message;
  if (!place.empty()) message += fmt::format("{}: ", place);
  message += what;
  if (!hint.empty()) message += fmt::format("; {}", hint);
  // A message is one line, whatever a file or a library put into it.
  std::replace_if(
      message.begin(), message.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return message;
}

// Slips between two words: a letter too many, too few, another one, or two neighbours swapped (optimal string
// alignment).
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before, last, row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    before = std::move(last);
    last = row;
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      row[j + 1] = std::min({last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1});
      const bool swapped = i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j];
      if (swapped) row[j + 1] = std::min(row[j + 1], before[j - 1] + 1);
    }
  }
  return row.back();
}

}  // namespace

Error::Error(std::string_view place, std::string_view what, std::string_view hint)
    : std::runtime_error(join_message(place, what, hint)) {}

std::string nearest_word(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string suggest(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string near = nearest_word(word, candidates);
  if (!near.empty()) return fmt::format("did you mean '{}'?", near);
  return candidates.empty() ? "" : fmt::format("known: {}", fmt::join(candidates, ", "));
}

void check_failed(const char* condition, const char* file, int line) {
  throw std::logic_error(
      fmt::format("internal error at {}:{}: {} does not hold; please report it with the command line", file,
                  line, condition));
}

}  // namespace deltahop
