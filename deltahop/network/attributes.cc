// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/attributes.h"

#include <fmt/format.h>

namespace deltahop {

std::optional<Tensor> Attributes::tensor(std::string_view name) const {
  if (!has(name)) {
    asked_.emplace(name);
    return std::nullopt;
  }
  return get<Tensor>(name, Tensor());
}

void Attributes::finish() const {
  for (const auto& [name, value] : entries_) {
    if (asked_.count(name) == 0) {
      throw Error("", fmt::format("the attribute '{}' is not supported", name),
                  suggest(name, {asked_.begin(), asked_.end()}));
    }
  }
}

void Attributes::throw_wrong_type(std::string_view name) {
  throw Error("", fmt::format("the attribute '{}' is of the wrong type", name));
}

}  // namespace deltahop
