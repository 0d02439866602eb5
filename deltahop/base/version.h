// SPDX-License-Identifier: Apache-2.0
// The version of the library and the program: the same as in CMakeLists.txt, which a test checks.
#pragma once

#include <string_view>

namespace deltahop {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace deltahop
