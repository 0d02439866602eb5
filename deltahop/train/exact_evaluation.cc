// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/exact_evaluation.h"

#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/network/integer_model.h"
#include "deltahop/network/quantized_gru.h"
#include "deltahop/train/exact_gru.h"
#include "deltahop/train/executed_macs.h"
#include "deltahop/train/graph.h"
#include "deltahop/train/rounding.h"
#include "deltahop/train/value_plan.h"

namespace deltahop {
namespace {

constexpr int64_t kBatch = 200;  // examples at once: some 100 MB of doubles for a small network

// Rounds as the metadata say, and counts.
class ExactHooks : public ForwardHooks {
 public:
  ExactHooks(const Network& model, const ThresholdTable* thresholds, ExactEvaluation& result)
      : plan_(model), result_(result), macs_(plan_) {
    if (plan_.recurrent) {
      gru_formats_ = gru_formats_in(model);
      thresholds_ = thresholds != nullptr ? *thresholds : thresholds_in(model);
      return;
    }
    const auto text = model.metadata().find(std::string(kFormatsKey));
    if (text == model.metadata().end())
      throw Error(model.name(), "has no number formats in its metadata",
                  "train it with a constraint 'rounding'");
    const IntegerModel integers = model_from_formats(plan_.network, text->second, model.name());
    if (integers.arithmetic.overflow != Overflow::saturate)
      throw Error(model.name(), "its arithmetic wraps, which is not evaluated here", "use overflow saturate");
    rounding_ = integers.arithmetic.rounding;
    for (const auto& [id, format] : integers.formats) formats_[plan_.network.value(id).name] = format;
    for (const ValuePlan::Product& product : plan_.products)
      if (!product.bias.empty())
        bias_fraction_[product.bias] =
            formats_.at(product.input).fraction_bits + formats_.at(product.weights).fraction_bits;
  }

  torch::Tensor weight(const std::string& name, const std::string&, Role,
                       const torch::Tensor& value) override {
    if (const auto bias = bias_fraction_.find(name); bias != bias_fraction_.end()) {
      const double scale = std::ldexp(1.0, bias->second);
      return (value * scale).round() / scale;
    }
    const auto format = formats_.find(name);
    return format == formats_.end() ? value : rounded(value, format->second);
  }

  torch::Tensor value(const std::string& name, const std::string&, const torch::Tensor& value) override {
    const auto made = plan_.made.find(name);
    torch::Tensor result = value;
    if (made != plan_.made.end())
      result = rounded(value, formats_.at(name), {made->second.to_nearest ? Rounding::half_even : rounding_});
    macs_.add(name, result);
    const auto counted = plan_.results.find(name);
    if (!plan_.recurrent && counted != plan_.results.end() && !counted->second.stage.empty()) {
      ExactEvaluation::Zeros& count = result_.stages[counted->second.stage];
      count.values += result.numel();
      count.zeros += result.numel() - result.count_nonzero().item<int64_t>();
    }
    return result;
  }

  const ExecutedMacsCount& macs() const { return macs_; }

  bool recurrent(const RecurrentCall& call, RecurrentResult& result) override {
    if (call.rules.kind != CellKind::gru || !call.rules.linear_before_reset)
      throw Error(call.node, "is no GRU that integers compute", "see deltahop explain edge_drnn");
    const DeltaThresholds theta = thresholds_.of(call.node);
    const ExactGruRun run = exact_gru(
        call.inputs, {call.input_weights, call.recurrent_weights, call.input_bias, call.recurrent_bias},
        gru_formats_, theta.input, theta.hidden, call.lengths);
    ExactEvaluation::Columns& columns = result_.layers[call.node];
    columns.sent_x += run.sent_x;
    columns.sent_h += run.sent_h;
    columns.steps += run.steps;
    columns.inputs = call.inputs.size(2);
    columns.hidden = run.outputs.size(2);
    result.outputs = run.outputs;
    return true;
  }

 private:
  ValuePlan plan_;
  ExactEvaluation& result_;
  ExecutedMacsCount macs_;
  DeltaGruFormats gru_formats_;
  ThresholdTable thresholds_;
  Rounding rounding_ = Rounding::half_even;
  std::map<std::string, FixedFormat> formats_;
  std::map<std::string, int> bias_fraction_;
};

// A part of the examples; sequences no longer than its longest.
Examples part_of(const Examples& examples, int64_t first, int64_t count) {
  Examples part{examples.inputs.narrow(0, first, count), examples.labels.narrow(0, first, count), {}};
  if (examples.lengths.defined()) {
    part.lengths = examples.lengths.narrow(0, first, count);
    part.inputs = part.inputs.narrow(1, 0, part.lengths.max().item<int64_t>());
  }
  return part;
}

}  // namespace

double ExactEvaluation::read_weights_fraction() const {
  double read = 0, all = 0;
  for (const auto& [node, columns] : layers) {
    const double rows = 3 * static_cast<double>(columns.hidden);
    read += rows * static_cast<double>(columns.sent_x + columns.sent_h);
    all += rows * static_cast<double>(columns.steps) * static_cast<double>(columns.inputs + columns.hidden);
  }
  return all > 0 ? read / all : 1;
}

Metrics ExactEvaluation::metrics() const {
  Metrics metrics = {{"exact_accuracy", accuracy()},
                     {"exact_right", static_cast<double>(right)},
                     {"exact_examples", static_cast<double>(examples)}};
  for (const auto& [stage, count] : stages) {
    metrics[fmt::format("{}.exact_zeros", stage)] = static_cast<double>(count.zeros);
    metrics[fmt::format("{}.exact_values", stage)] = static_cast<double>(count.values);
  }
  for (const auto& [node, columns] : layers) {
    metrics[fmt::format("{}.exact_sent_x", node)] = static_cast<double>(columns.sent_x);
    metrics[fmt::format("{}.exact_sent_h", node)] = static_cast<double>(columns.sent_h);
    metrics[fmt::format("{}.exact_columns", node)] =
        static_cast<double>(columns.steps) * static_cast<double>(columns.inputs + columns.hidden);
  }
  if (macs > 0) {
    metrics["exact_executed_macs"] = static_cast<double>(executed_macs);
    metrics["exact_macs"] = static_cast<double>(macs);
  }
  if (!layers.empty()) metrics["exact_read_weights_fraction"] = read_weights_fraction();
  return metrics;
}

Metrics ExactEvaluation::shares() const {
  Metrics shares = {{"accuracy", accuracy()}};
  const auto share = [](int64_t part, int64_t whole) {
    return static_cast<double>(part) / static_cast<double>(std::max<int64_t>(1, whole));
  };
  for (const auto& [stage, count] : stages)
    shares[stage + ".zeros_fraction"] = share(count.zeros, count.values);
  if (macs > 0) {
    shares["executed_macs"] = share(executed_macs, examples);
    shares["executed_macs_fraction"] = share(executed_macs, macs);
  }
  for (const auto& [node, columns] : layers) {
    shares[node + ".sent_x_fraction"] = share(columns.sent_x, columns.steps * columns.inputs);
    shares[node + ".sent_h_fraction"] = share(columns.sent_h, columns.steps * columns.hidden);
  }
  if (!layers.empty()) shares["read_weights_fraction"] = read_weights_fraction();
  return shares;
}

ExactEvaluation evaluate_exactly(const Network& model, const Examples& examples,
                                 const ThresholdTable* thresholds) {
  const torch::NoGradGuard no_gradients;
  ExactEvaluation result;
  ExactHooks hooks(model, thresholds, result);
  TrainableGraph graph(model, {.type = torch::kFloat64});
  for (int64_t first = 0; first < examples.size(); first += kBatch) {
    const Examples part = part_of(examples, first, std::min(kBatch, examples.size() - first));
    const torch::Tensor out = graph.forward(part.inputs.to(torch::kFloat64), part.lengths, hooks);
    if (out.dim() != 2) throw Error(model.name(), "does not give one row of classes an example");
    const torch::Tensor best = out.argmax(1);
    result.right += best.eq(part.labels).sum().item<int64_t>();
    for (int64_t k = 0; k < best.numel(); ++k) result.predictions.push_back(best[k].item<int64_t>());
  }
  result.examples = examples.size();
  result.executed_macs = hooks.macs().executed();
  result.macs = hooks.macs().all();
  return result;
}

bool carries_formats(const Network& model) {
  const std::string key(ValuePlan(model).recurrent ? kGruFormatsKey : kFormatsKey);
  return model.metadata().count(key) > 0;
}

bool is_integer_model(const Network& model) {
  const ValuePlan plan(model);
  if (!plan.recurrent) return carries_formats(model);
  for (const Node& node : plan.network.nodes()) {
    const auto kind = cell_kind_of(*node.layer);
    if (kind && (*kind != CellKind::gru || node.layer->attributes().integer("linear_before_reset", 0) == 0))
      return false;
  }
  return true;
}

}  // namespace deltahop
