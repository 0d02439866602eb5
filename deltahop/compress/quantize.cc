// SPDX-License-Identifier: Apache-2.0
#include "deltahop/compress/quantize.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "deltahop/compress/range.h"
#include "deltahop/network/integer_rule.h"

namespace deltahop {

struct Calibrator::State {
  State(const Network& calibrated, CalibrationOptions chosen)
      : network(calibrated), options(std::move(chosen)) {}

  Network network;
  CalibrationOptions options;
  std::vector<ValueId> wanted;      // constants included
  std::map<ValueId, Range> ranges;  // of those that are not constant
  bool has_seen = false;
};

namespace {

using State = Calibrator::State;

bool is_multiplied(const Node& node, size_t input) {
  const std::string_view name = node.layer->operator_name();
  return input == 1 && (name == "Conv" || name == "Gemm" || name == "MatMul");
}

// The weights of layers that multiply; other constants count as activations.
std::set<ValueId> weights_of(const Network& network) {
  std::set<ValueId> weights;
  for (const Node& node : network.nodes()) {
    if (node.inputs.size() > 1 && is_multiplied(node, 1) && network.value(node.inputs[1]).constant != nullptr)
      weights.insert(node.inputs[1]);
  }
  return weights;
}

FixedFormat format_of_constant(const Value& value, int total_bits, int threads) {
  const double largest = largest_magnitude(*value.constant, threads);
  if (!std::isfinite(largest))
    throw Error(fmt::format("weights '{}'", value.name),
                "hold a number that is infinite or not a number (NaN)");
  return format_for_range(largest, total_bits);
}

// The member of a stage's values whose range decides for all: what is stored, but what an average reads where
// the stage ends in one. With sums that wrap every value must fit.
std::vector<ValueId> deciding_values(const State& state, const Stage& stage) {
  std::vector<ValueId> outputs;
  for (const size_t n : stage.nodes) outputs.push_back(state.network.nodes()[n].outputs.at(0));
  if (state.options.arithmetic.overflow == Overflow::wrap) return outputs;
  const bool averages = stage.workload->pooling && stage.workload->pooling->kind == Pooling::Kind::average;
  return {averages ? outputs[outputs.size() - 2] : outputs.back()};
}

void share_formats(const State& state, std::map<ValueId, FixedFormat>& formats) {
  const double share = state.options.clipped_fraction;
  for (const Stage& stage : find_stages(state.network)) {
    std::vector<ValueId> members, deciding;
    if (stage.nodes.size() > 1) {
      for (const size_t n : stage.nodes) members.push_back(state.network.nodes()[n].outputs.at(0));
      deciding = deciding_values(state, stage);
    } else if (state.network.nodes()[stage.nodes[0]].layer->keeps_codes()) {
      for (const ValueId id : state.network.nodes()[stage.nodes[0]].outputs) {
        if (state.ranges.count(id) != 0) members.push_back(id);
      }
      deciding = members;
    }
    if (members.size() < 2) continue;
    FixedFormat format = state.ranges.at(deciding[0]).format(share);
    for (const ValueId id : deciding) {
      format.fraction_bits = std::min(format.fraction_bits, state.ranges.at(id).format(share).fraction_bits);
    }
    for (const ValueId id : members) formats[id] = format;
  }
}

// Given formats, spread over the values that share a format with the one that is named.
void apply_given(const State& state, std::map<ValueId, FixedFormat>& formats) {
  const auto groups = values_of_one_format(state.network);
  for (const auto& [name, format] : state.options.given_formats) {
    const ValueId id = state.network.find_value(name);
    if (id == kNoValue || formats.count(id) == 0) {
      std::vector<std::string> names;
      for (const auto& [known, unused] : formats) names.push_back(state.network.value(known).name);
      throw Error(fmt::format("format of '{}'", name), "the network has no such value that takes a format",
                  suggest(name, names));
    }
    formats[id] = format;
    for (const auto& group : groups) {
      if (std::find(group.begin(), group.end(), id) == group.end()) continue;
      for (const ValueId member : group) formats[member] = format;
    }
  }
}

void check(const CalibrationOptions& options) {
  const auto check_width = [](int bits, std::string_view what) {
    if (bits < 2 || bits > 16) throw Error("", fmt::format("{} of {} bits", what, bits), "2 to 16 bits");
  };
  check_width(options.arithmetic.activation_bits, "activations");
  check_width(options.arithmetic.weight_bits, "weights");
  if (!(options.clipped_fraction >= 0 && options.clipped_fraction < 1)) {
    throw Error("", fmt::format("a clipped fraction of {}", options.clipped_fraction), "0 up to, but not, 1");
  }
  const auto check_signed = [](FixedFormat format) {
    if (!format.is_signed || format.total_bits < 2 || format.total_bits > 16) {
      throw Error("", fmt::format("the format {}", to_text(format)), "formats are signed, of 2 to 16 bits");
    }
  };
  if (options.activation_format) check_signed(*options.activation_format);
  for (const auto& [name, format] : options.given_formats) check_signed(format);
}

}  // namespace

Calibrator::Calibrator(const Network& network, CalibrationOptions options)
    : state_(std::make_unique<State>(network, std::move(options))) {
  check(state_->options);
  state_->wanted = values_with_formats(network);
  for (const ValueId id : state_->wanted) {
    if (network.value(id).constant == nullptr)
      state_->ranges.emplace(id, Range(state_->options.arithmetic.activation_bits));
  }
}

Calibrator::~Calibrator() = default;

void Calibrator::add(const std::vector<Tensor>& inputs) {
  RunOptions options;
  options.threads = state_->options.threads;
  for (size_t i = 0; i < std::min(inputs.size(), state_->network.inputs().size()); ++i) {
    observe(state_->network.inputs()[i].value, inputs[i]);
  }
  execute(state_->network, inputs, options,
          [this](const Node& node, const std::vector<const Tensor*>& outputs) {
            for (size_t i = 0; i < outputs.size(); ++i) {
              if (outputs[i] != nullptr) observe(node.outputs[i], *outputs[i]);
            }
          });
}

void Calibrator::observe(ValueId value, const Tensor& tensor) {
  const auto range = state_->ranges.find(value);
  if (range == state_->ranges.end()) return;
  try {
    range->second.add(tensor, state_->options.threads);
  } catch (const Error& error) {
    throw Error(fmt::format("value '{}'", state_->network.value(value).name), error.what());
  }
  state_->has_seen = true;
}

IntegerModel Calibrator::model() const {
  const CalibrationOptions& options = state_->options;
  const Network& network = state_->network;
  IntegerModel model{network, options.arithmetic, {}, {}};
  if (!state_->has_seen && !options.activation_format) {
    throw Error("calibration", "no input was given",
                "ranges come from data: give some pictures, or one format for all");
  }
  const std::set<ValueId> weights = weights_of(network);
  for (const ValueId id : state_->wanted) {
    const Value& value = network.value(id);
    if (weights.count(id) != 0) {
      model.formats[id] = format_of_constant(value, options.arithmetic.weight_bits, options.threads);
    } else if (options.activation_format) {
      model.formats[id] = *options.activation_format;
    } else if (value.constant != nullptr) {
      model.formats[id] = format_of_constant(value, options.arithmetic.activation_bits, options.threads);
    } else {
      model.formats[id] = state_->ranges.at(id).format(options.clipped_fraction);
    }
  }
  if (!options.activation_format) share_formats(*state_, model.formats);
  apply_given(*state_, model.formats);
  model.host_reasons = host_reasons_of(network);
  return model;
}

double Calibrator::clipped_fraction(ValueId value, FixedFormat format) const {
  const auto range = state_->ranges.find(value);
  return range == state_->ranges.end() ? 0 : range->second.clipped_fraction(format);
}

}  // namespace deltahop
