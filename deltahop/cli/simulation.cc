// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/simulation.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>

#include <fmt/format.h>

#include "deltahop/base/parallel.h"
#include "deltahop/base/random.h"
#include "deltahop/io/npz.h"
#include "deltahop/run/saved_trace.h"

namespace deltahop {
namespace {

constexpr size_t kTop = 5;

struct InputRecord {
  std::vector<StageRecord> stages;
  std::vector<int64_t> float_ranking, integer_ranking;  // the classes with the highest scores, best first
  std::optional<int64_t> label;
  int64_t saturated = 0;
};

// The indices of the largest scores, ties to the lowest index.
template <class T>
std::vector<int64_t> ranking(std::span<const T> scores) {
  std::vector<int64_t> order(scores.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
  const size_t count = std::min(kTop, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](int64_t a, int64_t b) {
                      const T first = scores[static_cast<size_t>(a)];
                      const T second = scores[static_cast<size_t>(b)];
                      return first != second ? first > second : a < b;
                    });
  order.resize(count);
  return order;
}

bool contains(const std::vector<int64_t>& classes, int64_t wanted, size_t among) {
  const auto end = classes.begin() + static_cast<std::ptrdiff_t>(std::min(among, classes.size()));
  return std::find(classes.begin(), end, wanted) != end;
}

void add_accuracy(AccuracyCounts& counts, const InputRecord& record) {
  ++counts.inputs;
  if (!record.float_ranking.empty() && !record.integer_ranking.empty()) {
    counts.agreeing += record.float_ranking.front() == record.integer_ranking.front() ? 1 : 0;
  }
  if (!record.label) return;
  ++counts.labelled;
  counts.float_top1 += contains(record.float_ranking, *record.label, 1) ? 1 : 0;
  counts.float_top5 += contains(record.float_ranking, *record.label, kTop) ? 1 : 0;
  counts.integer_top1 += contains(record.integer_ranking, *record.label, 1) ? 1 : 0;
  counts.integer_top5 += contains(record.integer_ranking, *record.label, kTop) ? 1 : 0;
}

void add_record(SimulationResult& result, const InputRecord& record) {
  if (result.stages.size() < record.stages.size()) result.stages.resize(record.stages.size());
  for (size_t i = 0; i < record.stages.size(); ++i) result.stages[i].add(record.stages[i]);
  add_accuracy(result.accuracy, record);
  ++result.inputs;
  if (result.saturated) *result.saturated += record.saturated;
}

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

void measure_input(StageRecord& record, const Tensor& codes, const MacCounter* counter, bool with_sizes) {
  record.input_values = codes.size();
  record.input_nonzero = count_nonzero(codes);
  if (counter != nullptr) record.macs = counter->count(codes);
  if (with_sizes) record.input_sizes = map_sizes(codes);
}

std::string shape_text(const Network& network, ValueId id) {
  return id == kNoValue || !network.value(id).shape ? "" : to_text(*network.value(id).shape);
}

Support no_weights() { return {Placement::host, "multiplies by no weights", ""}; }

std::vector<StagePlan> plans_of(const Network& network, const std::vector<Stage>& stages,
                                const Accelerator* chip) {
  std::vector<StagePlan> plans;
  for (const Stage& stage : stages) {
    const Node& node = network.nodes()[stage.nodes.front()];
    StagePlan plan;
    plan.name = node.name;
    plan.operator_name = std::string(node.layer->operator_name());
    plan.workload = stage.workload;
    plan.input_shape = shape_text(network, stage.input);
    plan.output_shape = shape_text(network, stage.output);
    if (chip != nullptr) plan.support = stage.workload ? chip->supports(*stage.workload) : no_weights();
    plans.push_back(std::move(plan));
  }
  return plans;
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

void describe_weights(StagePlan& plan, const Tensor& codes) {
  plan.nonzero_weights = count_nonzero(codes);
  plan.weight_sizes = weight_sizes(codes, plan.workload->workload.shape.out_channels);
}

// A counter a stage that multiplies; none for the others.
using Counters = std::vector<std::optional<MacCounter>>;

void check_mismatches(StageRecord& record, const Tensor& ours, const Tensor& truth) {
  DELTAHOP_CHECK(ours.size() == truth.size());
  record.compared = truth.size();
  const auto a = ours.values<int16_t>();
  const auto b = truth.values<int16_t>();
  for (size_t i = 0; i < a.size(); ++i) record.mismatches += a[i] != b[i] ? 1 : 0;
}

StageRecord record_of(const LayerTrace& trace, const StagePlan& plan, const MacCounter* counter,
                      const Accelerator* chip, const SimulationOptions& options) {
  StageRecord record;
  if (trace.input != nullptr) measure_input(record, *trace.input, counter, options.with_sizes);
  if (trace.output != nullptr) {
    record.output_values = trace.output->size();
    record.output_nonzero = count_nonzero(*trace.output);
    if (trace.float_output != nullptr)
      record.error.add(*trace.output, trace.output_format, *trace.float_output);
  }
  if (chip == nullptr || plan.support.placement == Placement::host) return record;
  record.stats = chip->simulate(trace);
  if (options.verify && trace.output != nullptr)
    check_mismatches(record, chip->compute(trace), *trace.output);
  return record;
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
    if (!stages[i].workload) continue;
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
    if (!stages[i].workload) continue;
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

namespace {

Tensor random_zeros(Random& random, Shape shape, double density) {
  Tensor codes(DataType::int16, std::move(shape));
  for (int16_t& code : codes.values<int16_t>()) code = random.chance(density) ? int16_t{1} : int16_t{0};
  return codes;
}

Shape pooled_shape(const FusedWorkload& fused) {
  const ConvolutionShape& shape = fused.workload.shape;
  int64_t rows = shape.out_rows, columns = shape.out_columns;
  if (fused.pooling) {
    const Pooling& pool = *fused.pooling;
    rows = (rows + pool.pad_top + pool.pad_bottom - pool.rows) / pool.stride_rows + 1;
    columns = (columns + pool.pad_left + pool.pad_right - pool.columns) / pool.stride_columns + 1;
  }
  return {1, shape.out_channels, rows, columns};
}

}  // namespace

SimulationResult simulate_synthetic(const Network& network, double density, uint64_t seed,
                                    const Accelerator& chip, const Progress& progress) {
  const std::vector<Stage> stages = find_stages(network);
  SimulationResult result;
  result.plans = plans_of(network, stages, &chip);
  Random random(seed);
  InputRecord record;
  for (size_t i = 0; i < stages.size(); ++i) {
    record.stages.emplace_back();
    if (!stages[i].workload) continue;
    const ConvolutionShape& shape = stages[i].workload->workload.shape;
    const Tensor input =
        random_zeros(random, {shape.batch, shape.in_channels, shape.in_rows, shape.in_columns}, density);
    const Tensor output = random_zeros(random, pooled_shape(*stages[i].workload), density);
    LayerTrace trace;
    trace.name = result.plans[i].name;
    trace.operator_name = result.plans[i].operator_name;
    trace.workload = stages[i].workload;
    trace.input = &input;
    trace.output = &output;
    const MacCounter counter(shape, nullptr);
    record.stages.back() = record_of(trace, result.plans[i], &counter, &chip, {.with_float = false});
    report_progress(progress, "simulating", static_cast<int64_t>(i) + 1, static_cast<int64_t>(stages.size()));
  }
  add_record(result, record);
  return result;
}

SimulationResult simulate_traces(const std::vector<std::string>& files, const Accelerator& chip,
                                 const SimulationOptions& options, const Progress& progress) {
  SimulationResult result;
  for (size_t f = 0; f < files.size(); ++f) {
    InputRecord record;
    replay(read_npz(files[f]), files[f], [&](const LayerTrace& trace) {
      const size_t at = record.stages.size();
      if (f == 0) {
        StagePlan plan;
        plan.name = trace.name;
        plan.operator_name = trace.operator_name;
        plan.workload = trace.workload;
        plan.support = trace.workload ? chip.supports(*trace.workload) : no_weights();
        if (trace.input != nullptr) plan.input_shape = to_text(trace.input->shape());
        if (trace.output != nullptr) plan.output_shape = to_text(trace.output->shape());
        plan.input_format = to_text(trace.input_format);
        plan.output_format = to_text(trace.output_format);
        if (trace.weights != nullptr) {
          plan.weight_format = to_text(trace.weight_format);
          describe_weights(plan, *trace.weights);
        }
        result.plans.push_back(std::move(plan));
      }
      if (at >= result.plans.size() || result.plans[at].name != trace.name) {
        throw Error(files[f], fmt::format("its stage '{}' is not that of {}", trace.name, files[0]),
                    "replay traces of one network at a time");
      }
      std::optional<MacCounter> counter;
      if (trace.workload) counter.emplace(trace.workload->workload.shape, trace.weights);
      record.stages.push_back(
          record_of(trace, result.plans[at], counter ? &*counter : nullptr, &chip, options));
    });
    add_record(result, record);
    report_progress(progress, "replaying", static_cast<int64_t>(f) + 1, static_cast<int64_t>(files.size()));
  }
  return result;
}

}  // namespace deltahop
