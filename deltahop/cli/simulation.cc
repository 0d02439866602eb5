// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/simulation.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>

#include <fmt/format.h>

#include "deltahop/base/parallel.h"
#include "deltahop/cli/simulation_records.h"
#include "deltahop/io/npz.h"
#include "deltahop/run/saved_trace.h"

namespace deltahop {
namespace {

// Runs `make(index, threads inside)` for every input, several at once where there are several, and adds the
// records in order. Works in blocks, so that memory does not grow with the number of inputs.
void for_each_input(int64_t count, int threads, std::string_view task, const Progress& progress,
                    SimulationResult& result,
                    const std::function<InputRecord(int64_t index, int threads)>& make) {
  const int64_t block = std::max<int64_t>(1, threads) * 4;
  for (int64_t begin = 0; begin < count; begin += block) {
    const int64_t size = std::min(block, count - begin);
    std::vector<InputRecord> records(static_cast<size_t>(size));
    const int outside = static_cast<int>(std::min<int64_t>(threads, size));
    std::atomic<int64_t> next{0};
    parallel_for(outside, outside, [&](int64_t, int64_t) {
      for (int64_t i = next++; i < size; i = next++)
        records[static_cast<size_t>(i)] = make(begin + i, outside > 1 ? 1 : threads);
    });
    for (const InputRecord& record : records) add_record(result, record);
    report_progress(progress, task, begin + size, count);
  }
}

// The constant that a stage multiplies by, if there is one: the largest constant input of its first node.
const Tensor* weights_of(const Network& network, const Stage& stage) {
  const Tensor* weights = nullptr;
  for (const ValueId id : network.nodes()[stage.nodes.front()].inputs) {
    if (id == kNoValue || network.value(id).constant == nullptr) continue;
    const Tensor* constant = network.value(id).constant.get();
    if (weights == nullptr || constant->size() > weights->size()) weights = constant;
  }
  return weights;
}

// W and R of all directions of a recurrent layer side by side: [gates, input and state].
Tensor recurrent_weights(const Network& network, const Stage& stage) {
  const Node& node = network.nodes()[stage.nodes.front()];
  const Tensor w = network.value(node.inputs[1]).constant->converted(DataType::float32),
               r = network.value(node.inputs[2]).constant->converted(DataType::float32);
  const int64_t rows = w.dim(0) * w.dim(1), inputs = w.dim(2), hidden = r.dim(2);
  Tensor joined(DataType::float32, {rows, inputs + hidden});
  for (int64_t row = 0; row < rows; ++row) {
    float* const to = joined.values<float>().data() + row * (inputs + hidden);
    std::copy_n(w.values<float>().data() + row * inputs, inputs, to);
    std::copy_n(r.values<float>().data() + row * hidden, hidden, to + inputs);
  }
  return joined;
}

// A counter a stage that multiplies what flows in; none for the others, and none for recurrent layers: half
// of what they multiply is their own state.
using Counters = std::vector<std::optional<MacCounter>>;
bool is_counted(const Stage& stage) {
  return stage.workload && stage.workload->workload.kind != WorkloadKind::recurrent;
}

FloatRun float_run(const Network& network, const std::vector<Stage>& stages,
                   const std::vector<Tensor>& inputs, int threads, const NodeListener& listener = {}) {
  std::vector<bool> wanted(network.values().size(), false);
  for (const Stage& stage : stages) wanted[static_cast<size_t>(stage.output)] = true;
  FloatRun run;
  const auto keep = [&](const Node& node, const std::vector<const Tensor*>& outputs) {
    if (listener) listener(node, outputs);
    for (size_t i = 0; i < outputs.size(); ++i) {
      const ValueId id = node.outputs[i];
      const bool kept =
          id != kNoValue && wanted[static_cast<size_t>(id)] && outputs[i]->type() == DataType::float32;
      if (kept) run.stage_outputs.emplace(id, *outputs[i]);
    }
  };
  const std::vector<Tensor> outputs = execute(network, inputs, {.threads = threads}, keep);
  if (!outputs.empty() && outputs[0].type() == DataType::float32)
    run.ranking = ranking(outputs[0].values<float>());
  return run;
}

}  // namespace

SimulationResult profile_network(const Network& network, const Inputs* inputs,
                                 const SimulationOptions& options, const Progress& progress) {
  SimulationResult result;
  const std::vector<Stage> stages = find_stages(network);
  result.plans = plans_of(network, stages, nullptr);
  result.stages.resize(stages.size());
  Counters counters(stages.size());
  std::multimap<ValueId, size_t> readers;
  for (size_t i = 0; i < stages.size(); ++i) {
    readers.emplace(stages[i].input, i);
    if (stages[i].workload && !is_counted(stages[i]))
      describe_weights(result.plans[i], zero_pattern(recurrent_weights(network, stages[i])));
    if (!is_counted(stages[i])) continue;
    const Tensor* weights = weights_of(network, stages[i]);
    const bool usable = weights != nullptr && weights->type() == DataType::float32 &&
                        weights->size() == stages[i].workload->workload.weights();
    const ConvolutionShape& shape = stages[i].workload->workload.shape;
    if (usable) describe_weights(result.plans[i], zero_pattern(*weights));
    // A Gemm may hold its matrix transposed; the counter needs [K, C] and its count of zeros a column does
    // not.
    const bool oriented = usable && weights->dim(0) == shape.out_channels;
    if (inputs != nullptr) counters[i].emplace(shape, oriented ? weights : nullptr);
  }
  if (inputs == nullptr) return result;
  const auto run_one = [&](int64_t index, int threads) {
    InputRecord record;
    record.stages.resize(stages.size());
    const Inputs::Loaded loaded = inputs->load(index);
    record.label = loaded.label;
    const auto measure = [&](ValueId id, const Tensor& tensor) {
      if (tensor.type() != DataType::float32) return;
      const auto [begin, end] = readers.equal_range(id);
      if (begin == end) return;
      const Tensor pattern = zero_pattern(tensor);
      for (auto reader = begin; reader != end; ++reader) {
        const auto& counter = counters[reader->second];
        measure_input(record.stages[reader->second], pattern, counter ? &*counter : nullptr,
                      options.with_sizes);
      }
    };
    for (size_t i = 0; i < loaded.tensors.size(); ++i) measure(network.inputs()[i].value, loaded.tensors[i]);
    const std::vector<Tensor> outputs =
        execute(network, loaded.tensors, {.threads = threads},
                [&](const Node& node, const std::vector<const Tensor*>& values) {
                  for (size_t i = 0; i < values.size(); ++i) {
                    if (node.outputs[i] != kNoValue) measure(node.outputs[i], *values[i]);
                  }
                });
    if (!outputs.empty() && outputs[0].type() == DataType::float32)
      record.float_ranking = ranking(outputs[0].values<float>());
    return record;
  };
  result.accuracy.has_float = true;
  for_each_input(inputs->size(), options.threads, "profiling", progress, result, run_one);
  return result;
}

IntegerModel calibrated(const Network& network, const Inputs& inputs, int64_t count,
                        const CalibrationOptions& options, const Progress& progress,
                        std::optional<FloatRun>* only_run) {
  Calibrator calibrator(network, options);
  const int64_t total = std::min(count, inputs.size());
  if (inputs.size() == 1 && only_run != nullptr) {
    const Inputs::Loaded loaded = inputs.load(0);
    for (size_t i = 0; i < loaded.tensors.size(); ++i)
      calibrator.observe(network.inputs()[i].value, loaded.tensors[i]);
    const auto observe = [&](const Node& node, const std::vector<const Tensor*>& outputs) {
      for (size_t i = 0; i < outputs.size(); ++i) {
        if (node.outputs[i] != kNoValue) calibrator.observe(node.outputs[i], *outputs[i]);
      }
    };
    *only_run = float_run(network, find_stages(network), loaded.tensors, options.threads, observe);
    return calibrator.model();
  }
  for (int64_t i = 0; i < total; ++i) {
    calibrator.add(inputs.load(i).tensors);
    report_progress(progress, "calibrating", i + 1, total);
  }
  return calibrator.model();
}

SimulationResult simulate_network(const IntegerExecutor& executor, const Inputs& inputs,
                                  const Accelerator* chip, const SimulationOptions& options,
                                  const Progress& progress) {
  const Network& network = executor.model().network;
  const std::vector<Stage>& stages = executor.stages();
  SimulationResult result;
  result.plans = plans_of(network, stages, chip);
  result.stages.resize(stages.size());
  result.saturated = 0;
  Counters counters(stages.size());
  for (size_t i = 0; i < stages.size(); ++i) {
    if (!is_counted(stages[i])) continue;
    const Tensor& codes = executor.weight_codes(i);
    const bool known = codes.size() == stages[i].workload->workload.weights();
    if (known) describe_weights(result.plans[i], codes);
    counters[i].emplace(stages[i].workload->workload.shape, known ? &codes : nullptr);
  }
  std::mutex formats_known;
  const auto run_one = [&](int64_t index, int threads) {
    InputRecord record;
    const Inputs::Loaded loaded = inputs.load(index);
    record.label = loaded.label;
    FloatRun own;
    if (options.with_float && options.float_run == nullptr)
      own = float_run(network, stages, loaded.tensors, threads);
    const FloatRun& floats = options.float_run != nullptr ? *options.float_run : own;
    record.float_ranking = floats.ranking;
    TraceCollector collector;
    const auto listen = [&](const Stage&, const LayerTrace& trace) {
      const size_t at = record.stages.size();
      StagePlan& plan = result.plans[at];
      if (index == 0) {
        const std::lock_guard lock(formats_known);
        plan.input_format = to_text(trace.input_format);
        if (trace.weights != nullptr) plan.weight_format = to_text(trace.weight_format);
        plan.output_format = to_text(trace.output_format);
        if (trace.on_host_in_float && plan.support.placement == Placement::host)
          plan.support.reason = "computed in float by the host: no integer rule";
      }
      record.stages.push_back(record_of(trace, plan, counters[at] ? &*counters[at] : nullptr, chip, options));
      if (!options.trace_folder.empty()) collector.add(trace);
    };
    const IntegerResult outcome = executor.run(loaded.tensors, {.threads = threads}, listen,
                                               options.with_float ? &floats.stage_outputs : nullptr);
    record.saturated = outcome.saturated;
    if (!outcome.codes.empty()) record.integer_ranking = ranking(outcome.codes[0].values<int16_t>());
    if (!options.trace_folder.empty()) {
      write_npz(collector.arrays(),
                std::filesystem::path(options.trace_folder) / fmt::format("{:05}.npz", index));
    }
    return record;
  };
  result.accuracy.has_float = options.with_float;
  result.accuracy.has_integer = true;
  for_each_input(inputs.size(), options.threads, chip != nullptr ? "simulating" : "running", progress, result,
                 run_one);
  return result;
}

}  // namespace deltahop
