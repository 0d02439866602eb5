// SPDX-License-Identifier: Apache-2.0
// What the name of a recording says, read by a pattern: "{label}_{group}_{take}.wav" makes of
// "7_jackson_32.wav" the label 7, the group (speaker) jackson and take 32.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace deltahop {

struct NameFields {
  std::string label, group, take;  // "" where the pattern has none
};

class NamePattern {
 public:
  // Throws Error (place: `place`) on unknown or doubled placeholders, and two without a text between them.
  NamePattern(std::string_view pattern, std::string_view place);
  // Of a path with '/' between folders. Each placeholder takes at least one character, none of them '/', and
  // as few as the rest of the pattern allows; the whole name must fit.
  std::optional<NameFields> match(std::string_view name) const;

 private:
  // A placeholder (one of l, g, t, a for any; 0 for none) and the text behind it.
  struct Part {
    char field = 0;
    std::string text;
  };
  bool match_from(size_t part, std::string_view rest, NameFields& fields) const;

  std::vector<Part> parts_;
};

}  // namespace deltahop
