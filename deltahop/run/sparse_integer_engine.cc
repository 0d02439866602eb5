// SPDX-License-Identifier: Apache-2.0
// The sparse engine on codes of 8 bits: every rounding is the integer executor's.
#include <algorithm>
#include <cstdlib>
#include <limits>

#include "deltahop/run/changed_pixels.h"
#include "deltahop/run/fold_columns.h"
#include "deltahop/run/integer_pass.h"
#include "deltahop/run/sparse_engine.h"

namespace deltahop {
namespace {

constexpr int kMostAlignment = 16;     // bits between the scales of two operands of an addition
constexpr int64_t kOffset = 128;       // that makes signed codes unsigned
constexpr int64_t kLargestCode = 255;  // that a kernel takes
constexpr int64_t kSumLimit = std::numeric_limits<int32_t>::max();  // of a kernel

class IntegerGeneral final : public GeneralCode {
 public:
  explicit IntegerGeneral(IntegerPass& pass) : pass_(pass) {}
  ValueStore& values() override { return pass_.values(); }
  void run_stage(size_t stage) override { pass_.run_stage(stage); }

 private:
  IntegerPass& pass_;
};

// The largest magnitude that a sum can reach, for codes up to 255 with the offset's correction.
int64_t sum_bound(const WeightedStage& stage, int64_t out_channels) {
  const auto weights = stage.weights.values<int16_t>();
  const auto bias = stage.bias.values<int64_t>();
  const size_t each = weights.size() / static_cast<size_t>(out_channels);
  int64_t bound = 0;
  for (size_t k = 0; k < static_cast<size_t>(out_channels); ++k) {
    int64_t sum = 0;
    for (size_t i = 0; i < each; ++i) sum += std::abs(int64_t{weights[k * each + i]});
    const int64_t own = bias.empty() ? 0 : std::min(std::abs(bias[k]), int64_t{1} << 40);
    bound = std::max(bound, sum * (kLargestCode + kOffset) + own);
  }
  return bound;
}

class IntegerEngine final : public SparseEngine<uint8_t> {
 public:
  IntegerEngine(IntegerModel model, const SparseOptions& sparse_options)
      : SparseEngine(sparse_options), executor_(std::move(model), sparse_options.threads) {
    const State& state = executor_.state();
    const PlanRules rules{
        [&](ValueId id) {
          const auto format = state.model.formats.find(id);
          return format != state.model.formats.end() && is_small(format->second);
        },
        [&](ValueId a, ValueId b) { return state.model.formats.at(a) == state.model.formats.at(b); },
        [&](ValueId a, ValueId b) {
          return std::abs(format_of(a).fraction_bits - format_of(b).fraction_bits) <= kMostAlignment;
        },
        state.model.arithmetic.overflow == Overflow::saturate,
        [&](size_t stage, const ConvolutionShape& shape) { return fits_kernel(stage, shape); }};
    prepare(state.model.network, state.stages, sparse_plan(state.model.network, state.stages, rules));
  }

  IntegerResult run(const std::vector<Tensor>& inputs) override {
    check_inputs(executor_.model().network, inputs);
    const RunOptions run_options{options.threads};
    IntegerPass pass(executor_.state(), run_options);
    IntegerGeneral general(pass);
    pass.enter(inputs);
    run_steps(general);
    return pass.leave();
  }

 protected:
  SparseKernel<uint8_t> kernel_for(const SparseStep& step) override {
    const size_t stage = step.stages.back();
    const WeightedStage& weighted = *executor_.state().weighted[stage];
    SparseKernel<uint8_t> kernel;
    // What writes beside others writes maps of its own channels.
    kernel.fold = step.target == step.output ? fold_factor(step.shape) : 1;
    const ConvolutionShape shape = folded_shape(step.shape, kernel.fold);
    const std::vector<int8_t> weights =
        folded_weights<int8_t>(step.shape, small(weighted.weights), kernel.fold);
    const auto codes = weighted.bias.values<int64_t>();
    std::vector<int32_t> bias;
    for (int64_t f = 0; f < kernel.fold; ++f) bias.insert(bias.end(), codes.begin(), codes.end());
    if (kernel.fold > 1) kernel.readers = reader_counts(step.shape);
    CodeOutput output;
    output.shift = fraction_bits(stage) - format_of(step.sums).fraction_bits;
    output.format = format_of(step.sums);
    output.rounding = arithmetic().rounding;
    output.overflow = arithmetic().overflow;
    MaximumPooling pooling;
    if (kernel.fold == 1 && step.relu && step.pooling && step.pooling->kind == Pooling::Kind::max) {
      const MapSize out = *map_size(executor_.model().network, step.output);
      pooling = {step.pooling->rows,
                 step.pooling->columns,
                 step.pooling->stride_rows,
                 step.pooling->stride_columns,
                 step.pooling->pad_top,
                 step.pooling->pad_left,
                 out.rows,
                 out.columns};
    }
    CodeOutput tiled_output = output;
    tiled_output.relu = step.relu;
    if (TiledConvolution<uint8_t>::can_run(step.shape, tiled_output))
      kernel.tiled.emplace(step.shape, small(weighted.weights),
                           std::vector<int32_t>(codes.begin(), codes.end()), tiled_output);
    kernel.direct.emplace(shape, weights, bias, output, pooling);
    if (!step.nonnegative_input && !kernel.tiled)
      add_offset_kernel(shape, weights, std::move(bias), output, pooling, kernel);
    const int64_t bound = sum_bound(weighted, step.shape.out_channels);
    if (!step.relu) kernel.rounder.emplace(output.shift, 1, rule_for(step.sums), -bound, bound);
    if (step.pooling && step.pooling->kind == Pooling::Kind::average)
      kernel.average = average_rounder(step, step.sums);
    return kernel;
  }

  std::optional<CodeRounder> rounder_for(const SparseStep& step) override {
    if (step.kind == SparseStep::Kind::average_pool) return average_rounder(step, step.inputs[0]);
    const int a = format_of(step.inputs[0]).fraction_bits, b = format_of(step.inputs[1]).fraction_bits;
    const int64_t largest = kOffset << std::abs(a - b);
    return CodeRounder(std::max(a, b) - format_of(step.output).fraction_bits, 1, rule_for(step.output),
                       -largest - kOffset, largest + kOffset);
  }

  void add(const SparseStep& step, const CodeRounder* rounder, const int8_t* a, const int8_t* b,
           std::span<int8_t> output) override {
    const int bits_a = format_of(step.inputs[0]).fraction_bits,
              bits_b = format_of(step.inputs[1]).fraction_bits;
    const CodeOutput rule{std::max(bits_a, bits_b) - format_of(step.output).fraction_bits,
                          format_of(step.output), arithmetic().rounding, arithmetic().overflow, step.relu};
    if (const auto way = code_way(rule)) {
      return tiled_blocks::add({a, b, std::max(bits_b - bits_a, 0), std::max(bits_a - bits_b, 0),
                                static_cast<int64_t>(output.size()), output.data(), *way});
    }
    const int32_t scale_a = 1 << std::max(bits_b - bits_a, 0), scale_b = 1 << std::max(bits_a - bits_b, 0);
    sums_.resize(output.size());
    for (size_t i = 0; i < output.size(); ++i) sums_[i] = a[i] * scale_a + b[i] * scale_b;
    rounder->round(sums_, output.data());
    if (!step.relu) return;
    for (int8_t& code : output) code = std::max<int8_t>(code, 0);
  }

 private:
  using State = IntegerExecutor::State;

  static bool is_small(FixedFormat format) { return format.is_signed && format.total_bits <= 8; }
  FixedFormat format_of(ValueId id) const { return executor_.model().formats.at(id); }
  const Arithmetic& arithmetic() const { return executor_.model().arithmetic; }
  CodeRule rule_for(ValueId id) const {
    return {format_of(id), arithmetic().rounding, arithmetic().overflow};
  }
  const Node& node_of(size_t stage) const {
    return executor_.model().network.nodes()[executor_.stages()[stage].nodes[0]];
  }
  int fraction_bits(size_t stage) const {
    return format_of(node_of(stage).inputs[0]).fraction_bits +
           executor_.state().weighted[stage]->weight_format.fraction_bits;
  }

  bool fits_kernel(size_t stage, const ConvolutionShape& shape) const {
    const auto& weighted = executor_.state().weighted[stage];
    if (!weighted || !is_small(weighted->weight_format)) return false;
    const int shift = fraction_bits(stage) - format_of(node_of(stage).outputs[0]).fraction_bits;
    return shift >= -16 && shift <= 31 && sum_bound(*weighted, shape.out_channels) < kSumLimit;
  }

  static std::vector<int8_t> small(const Tensor& codes) {
    const auto values = codes.values<int16_t>();
    return {values.begin(), values.end()};
  }

  CodeRounder average_rounder(const SparseStep& step, ValueId input) const {
    const int64_t count = step.pooling->rows * step.pooling->columns;
    return {format_of(input).fraction_bits - format_of(step.output).fraction_bits, count,
            rule_for(step.output), -kOffset * count, kOffset * count};
  }

  // (x + 128) w - 128 sum of w: the border holds 128, so that every window has all of its weights.
  static void add_offset_kernel(ConvolutionShape shape, const std::vector<int8_t>& weights,
                                std::vector<int32_t> bias, const CodeOutput& output,
                                const MaximumPooling& pooling, SparseKernel<uint8_t>& kernel) {
    kernel.padded = {
        (shape.out_rows - 1) * shape.stride_rows + (shape.kernel_rows - 1) * shape.dilation_rows + 1,
        (shape.out_columns - 1) * shape.stride_columns + (shape.kernel_columns - 1) * shape.dilation_columns +
            1,
        shape.in_channels};
    shape.in_rows = kernel.padded.rows;
    shape.in_columns = kernel.padded.columns;
    shape.pad_top = shape.pad_left = 0;
    bias.resize(static_cast<size_t>(shape.out_channels), 0);
    const size_t each = weights.size() / bias.size();
    for (size_t k = 0; k < bias.size(); ++k) {
      for (size_t i = 0; i < each; ++i) bias[k] -= static_cast<int32_t>(kOffset) * weights[k * each + i];
    }
    kernel.offset.emplace(shape, weights, bias, output, pooling);
  }

  IntegerExecutor executor_;
};

}  // namespace

std::unique_ptr<SparseNetwork::Engine> integer_engine(IntegerModel model, const SparseOptions& options) {
  return std::make_unique<IntegerEngine>(std::move(model), options);
}

}  // namespace deltahop
