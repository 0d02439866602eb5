// SPDX-License-Identifier: Apache-2.0
// The YAML files of this folder that ship inside the program, by name: "technology/cmos28.yaml" is the
// technology "cmos28".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "deltahop/base/config.h"

namespace deltahop {

std::vector<std::string> shipped_names(std::string_view folder);

struct NamedConfig {
  Config config;
  std::string name;
};
// A shipped file by its name or a file of the user's by its path, with `settings` (key=value) applied. Throws
// Error, calling it `what`, where there is none.
NamedConfig open_shipped(std::string_view folder, std::string_view name_or_path, std::string_view what,
                         const std::vector<std::string>& settings);

}  // namespace deltahop
