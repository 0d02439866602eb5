// SPDX-License-Identifier: Apache-2.0
// The sparse engine in float32.
#include <algorithm>

#include "deltahop/network/integer_rule.h"
#include "deltahop/run/sparse_engine.h"

namespace deltahop {
namespace {

class FloatGeneral final : public GeneralCode {
 public:
  FloatGeneral(const Network& network, const std::vector<Stage>& stages, int threads)
      : network_(network), stages_(stages), values_(network) {
    options_.threads = threads;
    for (const Node& node : network.nodes()) {
      if (network.is_constant(node)) values_.release(node);
    }
  }
  ValueStore& values() override { return values_; }
  void run_stage(size_t stage) override {
    for (const size_t n : stages_[stage].nodes) {
      const Node& node = network_.nodes()[n];
      std::vector<const Tensor*> inputs;
      for (const ValueId id : node.inputs) inputs.push_back(values_.get(id));
      std::vector<Tensor> results;
      try {
        results = node.layer->forward(inputs, options_);
      } catch (const Error& error) {
        throw Error(place_of(node), error.what());
      }
      for (size_t i = 0; i < node.outputs.size(); ++i) {
        const ValueId id = node.outputs[i];
        if (id != kNoValue && network_.value(id).constant == nullptr)
          values_.put(id, std::move(results.at(i)));
      }
    }
    for (const size_t n : stages_[stage].nodes) values_.release(network_.nodes()[n]);
  }

 private:
  const Network& network_;
  const std::vector<Stage>& stages_;
  ForwardOptions options_;
  ValueStore values_;
};

class FloatEngine final : public SparseEngine<float> {
 public:
  FloatEngine(Network network, const SparseOptions& sparse_options)
      : SparseEngine(sparse_options), own_(std::move(network)), own_stages_(find_stages(own_)) {
    const PlanRules rules{[&](ValueId id) { return own_.value(id).type == DataType::float32; },
                          [](ValueId, ValueId) { return true; }, [](ValueId, ValueId) { return true; }, true,
                          [&](size_t stage, const ConvolutionShape&) {
                            const Node& node = node_of(stage);
                            return own_.value(node.inputs[1]).type == DataType::float32;
                          }};
    prepare(own_, own_stages_, sparse_plan(own_, own_stages_, rules));
  }

  IntegerResult run(const std::vector<Tensor>& inputs) override {
    check_inputs(own_, inputs);
    FloatGeneral general(own_, own_stages_, options.threads);
    for (size_t i = 0; i < inputs.size(); ++i) general.values().lend(own_.inputs()[i].value, inputs[i]);
    run_steps(general);
    IntegerResult result;
    for (const ValueId id : own_.outputs()) result.values.push_back(general.values().take(id));
    return result;
  }

 protected:
  SparseKernel<float> kernel_for(const SparseStep& step) override {
    const Node& node = node_of(step.stages.back());
    MaximumPooling pooling;
    if (step.relu && step.pooling && step.pooling->kind == Pooling::Kind::max) {
      const MapSize out = *map_size(own_, step.output);
      pooling = {step.pooling->rows,
                 step.pooling->columns,
                 step.pooling->stride_rows,
                 step.pooling->stride_columns,
                 step.pooling->pad_top,
                 step.pooling->pad_left,
                 out.rows,
                 out.columns};
    }
    std::vector<float> bias;
    if (node.inputs.size() > 2 && node.inputs[2] != kNoValue) {
      const auto values = own_.value(node.inputs[2]).constant->values<float>();
      bias.assign(values.begin(), values.end());
      if (bias.size() == 1) bias.resize(static_cast<size_t>(step.shape.out_channels), bias[0]);
    }
    SparseKernel<float> kernel;
    if (TiledConvolution<float>::can_run(step.shape, FloatOutput{step.relu}))
      kernel.tiled.emplace(step.shape, weights_of(node, step.shape), bias, FloatOutput{step.relu});
    kernel.direct.emplace(step.shape, weights_of(node, step.shape), bias, FloatOutput{step.relu}, pooling);
    return kernel;
  }

  std::optional<CodeRounder> rounder_for(const SparseStep&) override { return std::nullopt; }

  void add(const SparseStep& step, const CodeRounder*, const float* a, const float* b,
           std::span<float> output) override {
    tiled_blocks::add(a, b, static_cast<int64_t>(output.size()), step.relu, output.data());
  }

 private:
  const Node& node_of(size_t stage) const { return own_.nodes()[own_stages_[stage].nodes[0]]; }

  // [K, C, R, S], whatever the operator's own layout.
  std::vector<float> weights_of(const Node& node, const ConvolutionShape& shape) const {
    const auto in = own_.value(node.inputs[1]).constant->values<float>();
    const std::string_view name = node.layer->operator_name();
    const bool by_outputs =
        name == "Conv" || (name == "Gemm" && node.layer->attributes().integer("transB", 0) != 0);
    if (by_outputs) return {in.begin(), in.end()};
    std::vector<float> weights(in.size());
    const auto outputs = static_cast<size_t>(shape.out_channels);
    const size_t each = in.size() / outputs;
    for (size_t c = 0; c < each; ++c) {
      for (size_t k = 0; k < outputs; ++k) weights[k * each + c] = in[c * outputs + k];
    }
    return weights;
  }

  Network own_;
  std::vector<Stage> own_stages_;
};

}  // namespace

std::unique_ptr<SparseNetwork::Engine> float_engine(Network network, const SparseOptions& options) {
  return std::make_unique<FloatEngine>(std::move(network), options);
}

}  // namespace deltahop
