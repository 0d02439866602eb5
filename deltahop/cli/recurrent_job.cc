// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/recurrent_job.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <span>

#include <fmt/format.h>

#include "deltahop/base/files.h"
#include "deltahop/cli/recurrent_simulation.h"
#include "deltahop/cli/reporting.h"
#include "deltahop/cli/simulation_records.h"
#include "deltahop/cli/stream_input.h"
#include "deltahop/io/labels.h"
#include "deltahop/io/npz.h"
#include "deltahop/network/synthetic_sequence.h"
#include "deltahop/run/saved_sequence.h"
#include "deltahop/run/session.h"
#include "deltahop/simulate/dram_trace.h"

namespace deltahop {
namespace {

constexpr int64_t kSyntheticSteps = 1000;  // where --steps does not say

void require_options(const SimulateJob& job) {
  if (!job.format.formats.empty() || job.format.asks_for_calibration())
    throw Error("simulate", "a recurrent chip has its own number formats",
                "change the chip's: --set weight=Q1.7 activation=Q8.8");
  const std::pair<const char*, bool> without_effect[] = {
      {"--preprocess", !job.input.preprocess.empty()},
      {"--preprocessing", !job.input.preprocessing_file.empty()},
      {"--no-sizes", job.no_sizes}};
  for (const auto& [option, given] : without_effect) {
    if (given)
      throw Error(option, "does nothing with a recurrent network on a recurrent chip", "leave it out");
  }
}

// Stages of the network, recurrent ones on the chip; which stage each layer is.
std::vector<size_t> plan_stages(SimulationResult& result, const RecurrentModel& model,
                                const Support& support) {
  const std::vector<Stage> stages = find_stages(model.network);
  result.plans = plans_of(model.network, stages, nullptr);
  std::vector<size_t> stage_of_layer;
  for (const RecurrentNode& layer : model.layers) {
    const auto stage = std::find_if(stages.begin(), stages.end(),
                                    [&](const Stage& each) { return each.nodes.front() == layer.node; });
    DELTAHOP_CHECK(stage != stages.end());
    const auto at = static_cast<size_t>(stage - stages.begin());
    stage_of_layer.push_back(at);
    result.plans[at] = plan_of_layer(*layer.gru.layer, result.plans[at].name, support);
  }
  for (StagePlan& plan : result.plans) {
    if (plan.operator_name == "GRU") continue;
    plan.support = {Placement::host, "only GRU layers run on the chip", ""};
    plan.workload.reset();  // of whole sequences: not what a step counts
  }
  result.stages.resize(result.plans.size());
  return stage_of_layer;
}

// The dense network in float: the layers' outputs, one sequence, [T, H] each.
std::vector<Tensor> float_outputs(const RecurrentModel& model, const std::vector<Tensor>& inputs,
                                  int threads) {
  std::vector<Tensor> outputs;
  execute(model.network, inputs, {.threads = threads},
          [&](const Node& node, const std::vector<const Tensor*>& values) {
            for (const RecurrentNode& layer : model.layers) {
              if (&model.network.nodes()[layer.node] != &node || values[0] == nullptr) continue;
              const int64_t units = layer.gru.layer->hidden;
              outputs.push_back(
                  values[0]->converted(DataType::float32).reshaped({values[0]->size() / units, units}));
            }
          });
  if (outputs.size() != model.layers.size()) outputs.clear();  // a layer that only hands out its last state
  return outputs;
}

struct SequenceSums {
  int64_t columns = 0, dense_columns = 0, bytes = 0, dense_bytes = 0, wraps = 0, clipped_inputs = 0;
  double largest = 0;

  void add(const std::vector<RecurrentTrace>& traces, int64_t clipped) {
    clipped_inputs += clipped;
    for (const RecurrentTrace& trace : traces) {
      const IntegerDeltaGruLayer& layer = *trace.layer;
      const int64_t dense = trace.steps() * (layer.inputs + layer.hidden);
      const int64_t column_bytes = layer.rows() * layer.formats.weight.total_bits / 8;
      columns += trace.columns();
      dense_columns += dense;
      bytes += trace.columns() * column_bytes;
      dense_bytes += dense * column_bytes;
      wraps += trace.wraps;
      const int fraction = layer.formats.activation.fraction_bits + layer.formats.weight.fraction_bits;
      largest = std::max(largest, std::ldexp(static_cast<double>(trace.largest_memory), -fraction));
    }
  }
  void note(const IntegerDeltaGruLayer& first, std::vector<std::string>& notes) const {
    const int one = 1 << first.formats.activation.fraction_bits;
    notes.push_back("one input is one time step");
    notes.push_back(
        fmt::format("thresholds: theta_x {}/{}, theta_h {}/{}", first.theta_x, one, first.theta_h, one));
    notes.push_back(fmt::format(
        "columns sent: {} of {} ({:.1f} % skipped by weight); weights fetched: {} of {} B", columns,
        dense_columns, 100 * (1 - static_cast<double>(bytes) / static_cast<double>(dense_bytes)), bytes,
        dense_bytes));
    if (largest > 0) notes.push_back(fmt::format("largest sum: {:.4g}", largest));
    if (wraps > 0)
      notes.push_back(
          fmt::format("warning: {} sums left the register or the gates' range and wrapped", wraps));
    if (clipped_inputs > 0)
      notes.push_back(fmt::format("warning: {} input values were clipped to {}", clipped_inputs,
                                  to_text(first.formats.activation)));
  }
};

void save_traces(const RecurrentModel& model, const std::vector<RecurrentTrace>& traces,
                 const std::string& folder, int64_t number) {
  std::vector<SavedLayer> layers;
  for (size_t k = 0; k < traces.size(); ++k)
    layers.push_back({model.network.nodes()[model.layers[k].node].name, traces[k]});
  write_npz(arrays_of(layers), std::filesystem::path(folder) / fmt::format("{:05}.npz", number));
}

// What the chip asks its DRAM for, where a file for it is named.
class RequestFile {
 public:
  explicit RequestFile(std::string path) : path_(std::move(path)) {}
  std::vector<DramRequest>* recorder() { return path_.empty() ? nullptr : &requests_; }
  void write() const {
    if (path_.empty()) return;
    std::string text;
    for (const DramRequest& request : requests_) text += trace_line(request, DramTraceFormat::dramsim3);
    write_file(path_, text);
  }

 private:
  std::string path_;
  std::vector<DramRequest> requests_;
};

}  // namespace

bool has_recurrent_layers(const Network& network) {
  return std::any_of(network.nodes().begin(), network.nodes().end(),
                     [](const Node& node) { return cell_kind_of(*node.layer).has_value(); });
}

RecurrentModel recurrent_model_for(const Network& network, const ThresholdOptions& thresholds,
                                   const Accelerator& chip, std::vector<std::string>& notes) {
  RecurrentModel model = recurrent_model(network, *chip.recurrent_formats(), thresholds.table(network));
  const std::string& name = chip.architecture().name;
  if (thresholds.theta_rh)
    throw Error("--theta-rh", fmt::format("does nothing: {} resets the state behind the product", name),
                "leave it out");
  if (const std::string fault = chain_fault(model); !fault.empty())
    throw Error(name, fmt::format("cannot run this network: {}", fault),
                "the chip runs GRU layers directly behind one another");
  const Support support = chip.supports_recurrent(model.stack());
  if (support.placement == Placement::host)
    throw Error(name, fmt::format("cannot run this network: {}", support.reason));
  for (const RecurrentNode& layer : model.layers) {
    if (layer.gru.clipped > 0)
      notes.push_back(
          fmt::format("warning: '{}': {} weights and biases were clipped to {} (the largest is {:.3g})",
                      network.nodes()[layer.node].name, layer.gru.clipped,
                      to_text(layer.gru.layer->formats.weight), layer.gru.largest_weight));
  }
  for (const std::string& warning : chip.warnings(model.stack())) notes.push_back(warning);
  return model;
}

namespace {

struct LabelledSequence {
  Tensor values;  // [T, inputs]
  std::optional<int64_t> label;
};

// A label for each sequence of a file of arrays, in its order.
std::vector<int64_t> labels_in_order(const std::string& path, size_t count) {
  const Labels labels = read_labels(path);
  if (!labels.files.empty())
    throw Error(path, "names files, and the sequences are arrays", "give one label a line");
  if (labels.values.size() != count)
    throw Error(path, fmt::format("holds {} labels for {} sequences", labels.values.size(), count));
  return labels.values;
}

// Of a sequence the first `most` steps.
Tensor beginning_of(std::span<const float> values, int64_t width, int64_t most) {
  const int64_t steps = std::min(std::ssize(values) / width, most);
  const auto kept = values.first(static_cast<size_t>(steps * width));
  return Tensor::of({steps, width}, std::vector<float>(kept.begin(), kept.end()));
}

// Arrays; or sounds, or whatever else `run` takes, by the front end that the network carries.
std::vector<LabelledSequence> sequences_of(const SimulateJob& job, const Network& network) {
  const int64_t width = input_width(network);
  const int64_t most = job.steps.value_or(std::numeric_limits<int64_t>::max());
  std::vector<LabelledSequence> sequences;
  if (job.input.input.ends_with(".npz") || job.input.input.ends_with(".npy")) {
    for (const Tensor& each : read_sequences(job.input.input, width))
      sequences.push_back({beginning_of(each.values<float>(), width, most), std::nullopt});
    if (job.input.labels.empty()) return sequences;
    const std::vector<int64_t> labels = labels_in_order(job.input.labels, sequences.size());
    for (size_t k = 0; k < sequences.size(); ++k) sequences[k].label = labels[k];
    return sequences;
  }
  StreamInputOptions input;
  input.inputs = {job.input.input};
  input.labels = job.input.labels;
  input.limit = job.input.limit;
  input.steps = job.steps.value_or(-1);
  for (const StreamSequence& each : load_sequences(input, network, Session(network, {})).all)
    for (const std::vector<float>& values : each.values)
      if (!values.empty()) sequences.push_back({beginning_of(values, width, most), each.label});
  return sequences;
}

// By the scores of the last step.
void add_answer(SimulationResult& result, const RecurrentRun& run, std::optional<int64_t> label) {
  if (!label || run.outputs.empty() || run.outputs[0].type() != DataType::float32) return;
  const Tensor& out = run.outputs[0];
  InputRecord record;
  record.label = label;
  record.integer_ranking = ranking(out.values<float>().last(static_cast<size_t>(out.shape().back())));
  result.accuracy.has_integer = true;
  add_accuracy(result.accuracy, record);
}

Report report_of_synthetic(const SimulateJob& job, const Network& network, ReportSources& sources,
                           Surroundings& surroundings) {
  const RecurrentModel model = recurrent_model_for(network, job.thresholds, *sources.chip, sources.notes);
  const int64_t steps = job.steps.value_or(kSyntheticSteps);
  SimulationResult result;
  const std::vector<size_t> stage_of_layer =
      plan_stages(result, model, sources.chip->supports_recurrent(model.stack()));
  const std::vector<RecurrentTrace> traces =
      synthetic_sequence(model.stack(), steps, *job.density, job.network.seed);
  RequestFile requests(job.write_requests);
  const auto chip_notes =
      add_sequence(result, stage_of_layer, traces, *sources.chip, {.requests = requests.recorder()});
  requests.write();
  sources.notes.push_back(
      fmt::format("every value changes with probability {} in each of {} steps (seed {}): counts, no outputs",
                  *job.density, steps, job.network.seed));
  sources.notes.push_back("one input is one time step");
  sources.notes.insert(sources.notes.end(), chip_notes.begin(), chip_notes.end());
  sources.network = &network;
  sources.result = &result;
  return report_of(surroundings, sources);
}

}  // namespace

Report run_recurrent_job(const SimulateJob& job, const Network& network, const Accelerator& chip,
                         const Technology& technology, Surroundings& surroundings) {
  require_options(job);
  ReportSources sources;
  sources.command = "simulate";
  sources.network_source = job.network.network;
  sources.chip = &chip;
  sources.technology = &technology;
  sources.seed = job.network.seed;
  sources.threads = job.network.thread_count();
  if (job.density) return report_of_synthetic(job, network, sources, surroundings);
  const std::vector<LabelledSequence> sequences = sequences_of(job, network);
  SimulationResult result;
  std::vector<std::string> chip_notes;
  std::optional<RecurrentModel> model;
  std::vector<size_t> stage_of_layer;
  SequenceSums sums;
  const auto count =
      job.input.limit > 0 ? std::min<int64_t>(job.input.limit, std::ssize(sequences)) : std::ssize(sequences);
  RequestFile requests(job.write_requests);
  if (count > 1 && !job.write_requests.empty())
    throw Error("--write-requests", fmt::format("records one sequence, and there are {}", count),
                "give --limit 1");
  for (int64_t k = 0; k < count; ++k) {
    const LabelledSequence& sequence = sequences[static_cast<size_t>(k)];
    const BoundSequence bound = bound_to_sequence(network, sequence.values);
    std::vector<std::string> notes;
    RecurrentModel own = recurrent_model_for(bound.network, job.thresholds, chip, notes);
    if (!model) {
      stage_of_layer = plan_stages(result, own, chip.supports_recurrent(own.stack()));
      sources.notes = notes;
    }
    const RecurrentRun run = run_recurrent(own, bound.inputs, {.threads = sources.threads});
    SequenceOptions options{.verify = job.verify, .requests = requests.recorder()};
    if (!job.no_float) options.floats = float_outputs(own, bound.inputs, sources.threads);
    chip_notes = add_sequence(result, stage_of_layer, run.traces, chip, options);
    add_answer(result, run, sequence.label);
    if (!job.save_trace.empty()) save_traces(own, run.traces, job.save_trace, k);
    sums.add(run.traces, run.clipped_inputs);
    report_progress(surroundings.console.progress(), "simulating", k + 1, count);
    model = std::move(own);
  }
  requests.write();
  sums.note(*model->layers.front().gru.layer, sources.notes);
  for (std::string& note : chip_notes) sources.notes.push_back(std::move(note));
  note_verification(result, job.verify, sources.notes);
  sources.network = &model->network;
  sources.result = &result;
  return report_of(surroundings, sources);
}

bool are_recurrent_traces(const std::vector<std::string>& files) {
  return holds_sequence(read_npz(files.front()));
}

Report replay_recurrent_traces(const SimulateJob& job, const std::vector<std::string>& files,
                               const Accelerator& chip, const Technology& technology,
                               Surroundings& surroundings) {
  if (!job.write_requests.empty()) throw Error("--write-requests", "needs a network, not a saved trace");
  if (!chip.recurrent_formats()) throw Error(chip.architecture().name, "has no recurrent layers");
  ReportSources sources;
  sources.command = "simulate";
  sources.network_source = job.trace;
  sources.chip = &chip;
  sources.technology = &technology;
  sources.threads = job.network.thread_count();
  SimulationResult result;
  SequenceSums sums;
  std::vector<size_t> stage_of_layer;
  std::vector<std::string> chip_notes;
  std::shared_ptr<const IntegerDeltaGruLayer> first;
  for (const std::string& file : files) {
    std::vector<RecurrentTrace> traces;
    std::vector<std::shared_ptr<const IntegerDeltaGruLayer>> stack;
    std::vector<std::string> names;
    for (SavedLayer& layer : sequence_from(read_npz(file), file)) {
      names.push_back(layer.name);
      stack.push_back(layer.trace.layer);
      traces.push_back(std::move(layer.trace));
    }
    const Support support = chip.supports_recurrent(stack);
    if (support.placement == Placement::host)
      throw Error(file,
                  fmt::format("{} cannot run this network: {}", chip.architecture().name, support.reason));
    if (!first) {
      first = stack.front();
      for (size_t k = 0; k < stack.size(); ++k) {
        stage_of_layer.push_back(k);
        result.plans.push_back(plan_of_layer(*stack[k], names[k], support));
      }
    }
    const auto is_planned = [&](size_t k) {
      return result.plans[k].name == names[k] &&
             result.plans[k].input_shape == fmt::format("{}", stack[k]->inputs) &&
             result.plans[k].output_shape == fmt::format("{}", stack[k]->hidden);
    };
    for (size_t k = 0; k < std::max(stack.size(), result.plans.size()); ++k)
      if (k >= std::min(stack.size(), result.plans.size()) || !is_planned(k))
        throw Error(file, fmt::format("its layers are not those of {}", files.front()),
                    "replay traces of one network at a time");
    chip_notes = add_sequence(result, stage_of_layer, traces, chip, {.verify = job.verify});
    sums.add(traces, 0);
  }
  sums.note(*first, sources.notes);
  for (std::string& note : chip_notes) sources.notes.push_back(std::move(note));
  note_verification(result, job.verify, sources.notes);
  sources.result = &result;
  return report_of(surroundings, sources);
}

}  // namespace deltahop
