// SPDX-License-Identifier: Apache-2.0
#include "deltahop/compress/common_formats.h"

#include <numeric>
#include <vector>

#include "deltahop/network/integer_rule.h"

namespace deltahop {
namespace {

// Values in groups that must share a format.
class Groups {
 public:
  explicit Groups(size_t values) : parent_(values) { std::iota(parent_.begin(), parent_.end(), size_t{0}); }
  size_t of(ValueId id) {
    auto at = static_cast<size_t>(id);
    while (parent_[at] != at) at = parent_[at] = parent_[parent_[at]];
    return at;
  }
  void join(ValueId a, ValueId b) { parent_[of(a)] = of(b); }

 private:
  std::vector<size_t> parent_;
};

}  // namespace

IntegerModel with_common_formats(IntegerModel model) {
  const Network& network = model.network;
  Groups groups(network.values().size());
  for (const auto& group : values_of_one_format(network)) {
    for (const ValueId id : group) groups.join(id, group[0]);
  }
  std::vector<bool> joined(network.values().size(), false);
  for (const Node& node : network.nodes()) {
    if (node.layer->operator_name() != "Concat" || model.formats.count(node.outputs[0]) == 0) continue;
    for (const ValueId id : node.inputs) {
      if (id == kNoValue || model.formats.count(id) == 0) continue;
      groups.join(id, node.outputs[0]);
      joined[static_cast<size_t>(id)] = joined[static_cast<size_t>(node.outputs[0])] = true;
    }
  }
  std::map<size_t, FixedFormat> coarsest;  // of groups with a concatenation
  for (const auto& [id, format] : model.formats) {
    if (!joined[static_cast<size_t>(id)]) continue;
    const auto [entry, is_new] = coarsest.emplace(groups.of(id), format);
    if (!is_new && format.fraction_bits < entry->second.fraction_bits) entry->second = format;
  }
  for (auto& [id, format] : model.formats) {
    const auto found = coarsest.find(groups.of(id));
    if (found != coarsest.end()) format = found->second;
  }
  return model;
}

}  // namespace deltahop
