// SPDX-License-Identifier: Apache-2.0
// The two kinds of failure. The user's fault: throw Error with place, what and hint; main() prints it in one
// line and exits with 1. Our fault: DELTAHOP_CHECK, which stays on in release builds.
//   throw Error("net.onnx: node 'conv1'", "kernel is larger than its padded input", "check the input size");
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace deltahop {

class Error : public std::runtime_error {
 public:
  // `place` says where (file:line:column, node, option), `what` says what is wrong, `hint` what to try.
  Error(std::string_view place, std::string_view what, std::string_view hint = {});
};

// The candidate closest to `word` if it is close enough to be a slip of the pen, else "". Used for "did you
// mean".
std::string nearest_word(std::string_view word, const std::vector<std::string>& candidates);
// "did you mean 'x'?" or, where nothing is near, "known: a, b, c"; "" for no candidates.
std::string suggest(std::string_view word, const std::vector<std::string>& candidates);

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace deltahop

#define DELTAHOP_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::deltahop::check_failed(#condition, __FILE__, __LINE__))
