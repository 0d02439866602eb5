// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/layer.h"

#include <unordered_map>

#include <fmt/format.h>

namespace deltahop {
namespace {

// Looked up once for each node of each network: an index over the generated catalog, which never changes.
const std::unordered_map<std::string, LayerKind>& kinds_by_name() {
  static const auto* const index = [] {
    auto* map = new std::unordered_map<std::string, LayerKind>();
    for (LayerKind& kind : layer_kinds()) {
      const std::string key = kind.domain + "/" + kind.operator_name;
      DELTAHOP_CHECK(map->emplace(key, std::move(kind)).second);
    }
    return map;
  }();
  return *index;
}

}  // namespace

std::unique_ptr<Layer> make_layer(LayerArguments& arguments, std::string_view domain) {
  const std::string_view known_domain = domain == "ai.onnx" ? "" : domain;
  const auto found = kinds_by_name().find(fmt::format("{}/{}", known_domain, arguments.operator_name));
  if (found == kinds_by_name().end()) {
    throw Error("",
                fmt::format("the operator '{}{}{}' is not supported", domain, domain.empty() ? "" : ".",
                            arguments.operator_name),
                "'deltahop list layers' names those that are; ask for it in the project's issue tracker");
  }
  return found->second.make(arguments);
}

}  // namespace deltahop
