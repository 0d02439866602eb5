// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/value_store.h"

#include <fmt/format.h>

namespace deltahop {

ValueStore::ValueStore(const Network& network) : values_(network.values().size()) {
  const std::vector<int> readers = network.reader_counts();
  for (size_t id = 0; id < values_.size(); ++id) {
    values_[id].lent = network.values()[id].constant.get();
    values_[id].readers = readers[id];
  }
}

const Tensor* ValueStore::get(ValueId id) const {
  if (id == kNoValue) return nullptr;
  const Slot& slot = values_.at(index(id));
  const Tensor* tensor = slot.owned ? &*slot.owned : slot.lent;
  DELTAHOP_CHECK(tensor != nullptr);
  return tensor;
}

void ValueStore::release(const Node& node) {
  for (const ValueId id : node.inputs) {
    if (id != kNoValue && --values_[index(id)].readers == 0) values_[index(id)].owned.reset();
  }
  for (const ValueId id : node.outputs) {
    if (id != kNoValue && values_[index(id)].readers == 0) values_[index(id)].owned.reset();
  }
}

Tensor ValueStore::take(ValueId id) {
  const Tensor* tensor = get(id);
  Slot& slot = values_[index(id)];
  if (--slot.readers > 0 || !slot.owned) return *tensor;
  return std::move(*slot.owned);
}

std::string place_of(const Node& node) {
  return fmt::format("node '{}' ({})", node.name, node.layer->operator_name());
}

void check_inputs(const Network& network, const std::vector<Tensor>& inputs) {
  if (inputs.size() != network.inputs().size()) {
    throw Error(network.name(), fmt::format("the network has {} inputs, {} were given",
                                            network.inputs().size(), inputs.size()));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value& value = network.value(network.inputs()[i].value);
    const std::string place = fmt::format("input '{}'", value.name);
    if (inputs[i].type() != value.type) {
      throw Error(place,
                  fmt::format("is {}, the network wants {}", name_of(inputs[i].type()), name_of(value.type)));
    }
    if (!value.shape)
      throw Error(place, "its shape is not bound", "bind the network to the input's shape first");
    if (inputs[i].shape() != *value.shape) {
      throw Error(place, fmt::format("has the shape {}, the network wants {}", to_text(inputs[i].shape()),
                                     to_text(*value.shape)));
    }
  }
}

}  // namespace deltahop
