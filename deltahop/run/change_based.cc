// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/change_based.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "deltahop/kernels/conv2d.h"
#include "deltahop/network/mac_counts.h"
#include "deltahop/run/changed_pixels.h"
#include "deltahop/run/integer_pass.h"

namespace deltahop {
namespace {

constexpr int64_t kSumBytes = 4;  // of a stored sum: 32 bits hold those of 8-bit codes

int64_t code_bytes(FixedFormat format) { return format.total_bits > 8 ? 2 : 1; }

}  // namespace

ChangeLedger& ChangeLedger::operator+=(const ChangeLedger& other) {
  frames = std::max(frames, other.frames);
  dense_macs += other.dense_macs;
  nonzero_macs += other.nonzero_macs;
  done_macs += other.done_macs;
  done_nonzero_macs += other.done_nonzero_macs;
  rounding_additions += other.rounding_additions;
  difference_additions += other.difference_additions;
  pixels += other.pixels;
  changed_pixels += other.changed_pixels;
  outputs += other.outputs;
  affected_outputs += other.affected_outputs;
  state_bytes += other.state_bytes;
  state_read_bytes += other.state_read_bytes;
  state_written_bytes += other.state_written_bytes;
  plain_written_bytes += other.plain_written_bytes;
  return *this;
}

// What a layer keeps between frames.
struct LayerMemory {
  std::vector<int16_t> reference;  // the input that the sums or outputs belong to
  std::vector<int16_t> outputs;    // recompute: codes before ReLU and pooling
  std::vector<int64_t> sums;       // accumulate
  std::vector<int64_t> readers;    // outputs that read each input pixel
  size_t entry = 0;                // in the ledger
  bool used = false;               // by the rules here: one picture through constant weights
  bool filled = false;
};

struct ChangeBasedNetwork::State {
  State(IntegerModel model, const ChangeOptions& change_options, int threads)
      : executor(std::move(model), threads), options(change_options) {}

  IntegerExecutor executor;
  ChangeOptions options;
  std::vector<LayerMemory> memories;  // one a stage
  std::vector<ChangeLedger> ledger;
};

namespace {

// The additions of pixel values by what reads them: sum over pixels of |codes| times readers.
int64_t additions(std::span<const int16_t> codes, const std::vector<int64_t>& readers, int64_t fan_out) {
  int64_t sum = 0;
  for (size_t i = 0; i < codes.size(); ++i) sum += std::abs(int64_t{codes[i]}) * readers[i % readers.size()];
  return sum * fan_out;
}

int64_t nonzero_macs(std::span<const int16_t> codes, const std::vector<int64_t>& readers, int64_t fan_out) {
  int64_t sum = 0;
  for (size_t i = 0; i < codes.size(); ++i) sum += codes[i] != 0 ? readers[i % readers.size()] : 0;
  return sum * fan_out;
}

// A frame through the executor's pass, its products taken over.
class ChangePass final : public IntegerPass {
 public:
  ChangePass(const IntegerExecutor& executor, const ChangeOptions& change_options, const RunOptions& options,
             std::vector<LayerMemory>& memories, std::vector<ChangeLedger>& ledger)
      : IntegerPass(executor.state(), options),
        change_(change_options),
        memories_(memories),
        ledger_(ledger) {}

 protected:
  Tensor multiplied(size_t s, const Tensor& input) override {
    LayerMemory& memory = memories_[s];
    if (!memory.used) return IntegerPass::multiplied(s, input);
    return change_.rule == ChangeRule::recompute ? recomputed(s, input, memory)
                                                 : accumulated(s, input, memory);
  }

 private:
  const Node& node_of(size_t s) const { return network_.nodes()[state_.stages[s].nodes[0]]; }
  int fraction_bits(size_t s) const {
    return format_of(node_of(s).inputs[0]).fraction_bits + state_.weighted[s]->weight_format.fraction_bits;
  }
  // A difference between codes that no longer counts as a change.
  int64_t limit(size_t s) const {
    const double steps = std::ldexp(change_.threshold, format_of(node_of(s).inputs[0]).fraction_bits);
    return static_cast<int64_t>(std::min(std::floor(steps), 1e9));
  }

  // What both rules count the same way; true where the layer has a frame to compare with.
  ChangeLedger& count_frame(size_t s, std::span<const int16_t> codes, const LayerMemory& memory) {
    const ConvolutionShape shape = weighted_shape(state_.stages[s]);
    const int64_t fan_out = shape.out_channels_per_group();
    ChangeLedger& entry = ledger_[memory.entry];
    ++entry.frames;
    entry.dense_macs += shape.out_channels * shape.out_rows * shape.out_columns * shape.kernel_size();
    entry.nonzero_macs += nonzero_macs(codes, memory.readers, fan_out);
    entry.rounding_additions += additions(codes, memory.readers, fan_out);
    entry.pixels += shape.in_rows * shape.in_columns;
    entry.outputs += shape.out_rows * shape.out_columns;
    entry.state_read_bytes +=
        static_cast<int64_t>(codes.size()) * code_bytes(format_of(node_of(s).inputs[0]));
    return entry;
  }

  void count_changes(size_t s, ChangeLedger& entry, int64_t changed, int64_t affected, bool whole_reference) {
    const ConvolutionShape shape = weighted_shape(state_.stages[s]);
    const int64_t input_bytes = code_bytes(format_of(node_of(s).inputs[0]));
    const int64_t output_bytes = code_bytes(format_of(node_of(s).outputs[0]));
    entry.changed_pixels += changed;
    entry.affected_outputs += affected;
    entry.done_macs += affected * shape.out_channels * shape.kernel_size();
    entry.state_written_bytes +=
        (whole_reference ? shape.in_rows * shape.in_columns : changed) * shape.in_channels * input_bytes;
    const int64_t kept = shape.out_rows * shape.out_columns * shape.out_channels;
    const int64_t touched = affected * shape.out_channels;
    if (change_.rule == ChangeRule::recompute) {
      entry.plain_written_bytes += (kept - touched) * output_bytes;
    } else {
      entry.state_read_bytes += touched * kSumBytes;
      entry.state_written_bytes += touched * kSumBytes;
      entry.plain_written_bytes += (kept - touched) * output_bytes;
    }
  }

  // Where a pixel counts as changed, the reference becomes the input, in all channels.
  static void follow(std::span<const int16_t> codes, std::span<const uint8_t> changed,
                     std::vector<int16_t>& reference) {
    for (size_t i = 0; i < codes.size(); ++i) {
      if (changed[i % changed.size()] != 0) reference[i] = codes[i];
    }
  }

  Tensor rounded(size_t s, Tensor sums) {
    return codes_of({std::move(sums), fraction_bits(s), 1}, rule_for(node_of(s).outputs[0]), options_.threads,
                    &saturated_);
  }

  Tensor recomputed(size_t s, const Tensor& input, LayerMemory& memory) {
    const std::span<const int16_t> codes = input.values<int16_t>();
    const Shape& output_shape = *network_.value(node_of(s).outputs[0]).shape;
    if (!memory.filled) {
      Tensor full = IntegerPass::multiplied(s, input);
      const auto values = full.values<int16_t>();
      memory.reference.assign(codes.begin(), codes.end());
      memory.outputs.assign(values.begin(), values.end());
      memory.filled = true;
      return full;
    }
    const ConvolutionShape shape = weighted_shape(state_.stages[s]);
    ChangeLedger& entry = count_frame(s, codes, memory);
    const std::vector<uint8_t> changed = changed_pixels(codes, memory.reference, shape.in_channels, limit(s));
    const std::vector<int64_t> outputs = affected_outputs(shape, changed);
    const WeightedStage& weighted = *state_.weighted[s];
    const Tensor fresh =
        rounded(s, convolve_outputs(shape, codes, weighted.weights, weighted.bias.values<int64_t>(), outputs,
                                    options_.threads, &entry.done_nonzero_macs));
    scatter(fresh.values<int16_t>(), outputs, memory.outputs);
    count_changes(s, entry, std::count(changed.begin(), changed.end(), uint8_t{1}),
                  static_cast<int64_t>(outputs.size()), !change_.feedback);
    entry.difference_additions +=
        additions(differences(codes, memory.reference), memory.readers, shape.out_channels_per_group());
    if (change_.feedback)
      follow(codes, changed, memory.reference);
    else
      memory.reference.assign(codes.begin(), codes.end());
    Tensor result(DataType::int16, output_shape);
    std::copy(memory.outputs.begin(), memory.outputs.end(), result.values<int16_t>().begin());
    return result;
  }

  // values [K, outputs] to their places in [K, pixels].
  template <class T>
  static void scatter(std::span<const T> values, const std::vector<int64_t>& outputs, std::vector<T>& map) {
    if (outputs.empty()) return;
    const size_t channels = values.size() / outputs.size(), pixels = map.size() / channels;
    for (size_t k = 0; k < channels; ++k) {
      for (size_t i = 0; i < outputs.size(); ++i)
        map[k * pixels + static_cast<size_t>(outputs[i])] = values[k * outputs.size() + i];
    }
  }

  // Held at the ends of 16 bits: exact for codes of up to 15 bits (see accumulated()).
  static std::vector<int16_t> differences(std::span<const int16_t> now, const std::vector<int16_t>& before) {
    std::vector<int16_t> result(now.size());
    for (size_t i = 0; i < now.size(); ++i)
      result[i] = static_cast<int16_t>(std::clamp(now[i] - before[i], -32768, 32767));
    return result;
  }

  Tensor full_sums(size_t s, std::span<const int16_t> codes) {
    const ConvolutionShape shape = weighted_shape(state_.stages[s]);
    const WeightedStage& weighted = *state_.weighted[s];
    Tensor sums(DataType::int64, *network_.value(node_of(s).outputs[0]).shape);
    convolve(shape, codes, weighted.weights.values<int16_t>(), weighted.bias.values<int64_t>(),
             sums.values<int64_t>(), options_.threads);
    return sums;
  }

  Tensor accumulated(size_t s, const Tensor& input, LayerMemory& memory) {
    const std::span<const int16_t> codes = input.values<int16_t>();
    const ConvolutionShape shape = weighted_shape(state_.stages[s]);
    Tensor sums(DataType::int64, *network_.value(node_of(s).outputs[0]).shape);
    if (!memory.filled) {
      sums = full_sums(s, codes);
      memory.reference.assign(codes.begin(), codes.end());
      memory.sums.assign(sums.values<int64_t>().begin(), sums.values<int64_t>().end());
      memory.filled = true;
      return rounded(s, std::move(sums));
    }
    ChangeLedger& entry = count_frame(s, codes, memory);
    const std::vector<uint8_t> changed = changed_pixels(codes, memory.reference, shape.in_channels, limit(s));
    const std::vector<int64_t> outputs = affected_outputs(shape, changed);
    std::vector<int16_t> sent = differences(codes, memory.reference);
    bool exact = true;
    for (size_t i = 0; i < sent.size(); ++i) {
      if (changed[i % changed.size()] == 0) sent[i] = 0;
      exact = exact && (sent[i] == 0 || sent[i] == codes[i] - memory.reference[i]);
    }
    follow(codes, changed, memory.reference);
    if (exact) {
      add(convolve_outputs(shape, sent, state_.weighted[s]->weights, {}, outputs, options_.threads), outputs,
          memory.sums);
    } else {  // 16-bit codes from one end of their range to the other
      const Tensor all = full_sums(s, memory.reference);
      memory.sums.assign(all.values<int64_t>().begin(), all.values<int64_t>().end());
    }
    entry.done_nonzero_macs += nonzero_macs(sent, memory.readers, shape.out_channels_per_group());
    entry.difference_additions += additions(sent, memory.readers, shape.out_channels_per_group());
    count_changes(s, entry, std::count(changed.begin(), changed.end(), uint8_t{1}),
                  static_cast<int64_t>(outputs.size()), false);
    std::copy(memory.sums.begin(), memory.sums.end(), sums.values<int64_t>().begin());
    return rounded(s, std::move(sums));
  }

  static void add(const Tensor& values, const std::vector<int64_t>& outputs, std::vector<int64_t>& map) {
    if (outputs.empty()) return;
    const auto in = values.values<int64_t>();
    const size_t channels = in.size() / outputs.size(), pixels = map.size() / channels;
    for (size_t k = 0; k < channels; ++k) {
      for (size_t i = 0; i < outputs.size(); ++i)
        map[k * pixels + static_cast<size_t>(outputs[i])] += in[k * outputs.size() + i];
    }
  }

  const ChangeOptions& change_;
  std::vector<LayerMemory>& memories_;
  std::vector<ChangeLedger>& ledger_;
};

}  // namespace

ChangeBasedNetwork::ChangeBasedNetwork(IntegerModel model, const ChangeOptions& options, int threads)
    : state_(std::make_unique<State>(std::move(model), options, threads)) {
  if (!(options.threshold >= 0))
    throw Error("change threshold", fmt::format("is {}", options.threshold), "give a number of at least 0");
  const IntegerExecutor& executor = state_->executor;
  const Network& network = executor.model().network;
  state_->memories.resize(executor.stages().size());
  for (size_t s = 0; s < executor.stages().size(); ++s) {
    if (executor.weight_codes(s).size() == 0) continue;
    const Stage& stage = executor.stages()[s];
    const ConvolutionShape shape = weighted_shape(stage);
    if (shape.batch != 1) continue;
    const Node& node = network.nodes()[stage.nodes[0]];
    LayerMemory& memory = state_->memories[s];
    memory.used = true;
    memory.readers = reader_counts(shape);
    memory.entry = state_->ledger.size();
    ChangeLedger entry;
    entry.name = node.name;
    const auto& formats = executor.model().formats;
    const int64_t outputs = shape.out_channels * shape.out_rows * shape.out_columns;
    entry.state_bytes =
        shape.in_channels * shape.in_rows * shape.in_columns * code_bytes(formats.at(node.inputs[0])) +
        outputs *
            (options.rule == ChangeRule::recompute ? code_bytes(formats.at(node.outputs[0])) : kSumBytes);
    state_->ledger.push_back(std::move(entry));
  }
}

ChangeBasedNetwork::ChangeBasedNetwork(ChangeBasedNetwork&&) noexcept = default;
ChangeBasedNetwork::~ChangeBasedNetwork() = default;

const IntegerExecutor& ChangeBasedNetwork::executor() const { return state_->executor; }
const std::vector<ChangeLedger>& ChangeBasedNetwork::ledger() const { return state_->ledger; }

IntegerResult ChangeBasedNetwork::step(const std::vector<Tensor>& inputs, const RunOptions& options) {
  check_inputs(state_->executor.model().network, inputs);
  ChangePass pass(state_->executor, state_->options, options, state_->memories, state_->ledger);
  pass.enter(inputs);
  for (size_t s = 0; s < state_->executor.stages().size(); ++s) pass.run_stage(s);
  return pass.leave();
}

void ChangeBasedNetwork::reset() {
  for (LayerMemory& memory : state_->memories) memory.filled = false;
}

}  // namespace deltahop
