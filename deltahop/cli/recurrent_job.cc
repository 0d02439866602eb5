// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/recurrent_job.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "deltahop/cli/recurrent_simulation.h"
#include "deltahop/cli/reporting.h"
#include "deltahop/cli/simulation_records.h"

namespace deltahop {
namespace {

constexpr int64_t kSyntheticSteps = 1000;  // where --steps does not say

void require_options(const SimulateJob& job) {
  if (!job.save_trace.empty())
    throw Error("--save-trace", "traces of recurrent networks are not written to files yet");
  if (!job.format.formats.empty() || job.format.asks_for_calibration())
    throw Error("simulate", "a recurrent chip has its own number formats",
                "change the chip's: --set weight=Q1.7 activation=Q8.8");
  const std::pair<const char*, bool> without_effect[] = {
      {"--labels", !job.input.labels.empty()},
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

  void add(const RecurrentRun& run) {
    clipped_inputs += run.clipped_inputs;
    for (const RecurrentTrace& trace : run.traces) {
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
  void note(const RecurrentModel& model, std::vector<std::string>& notes) const {
    const IntegerDeltaGruLayer& first = *model.layers.front().gru.layer;
    const int one = 1 << first.formats.activation.fraction_bits;
    notes.push_back("one input is one time step");
    notes.push_back(
        fmt::format("thresholds: theta_x {}/{}, theta_h {}/{}", first.theta_x, one, first.theta_h, one));
    notes.push_back(fmt::format(
        "columns sent: {} of {} ({:.1f} % skipped by weight); weights fetched: {} of {} B", columns,
        dense_columns, 100 * (1 - static_cast<double>(bytes) / static_cast<double>(dense_bytes)), bytes,
        dense_bytes));
    notes.push_back(fmt::format("largest sum: {:.4g}", largest));
    if (wraps > 0)
      notes.push_back(
          fmt::format("warning: {} sums left the register or the gates' range and wrapped", wraps));
    if (clipped_inputs > 0)
      notes.push_back(fmt::format("warning: {} input values were clipped to {}", clipped_inputs,
                                  to_text(first.formats.activation)));
  }
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
  SimulationResult result;
  std::vector<std::string> chip_notes;
  const int64_t steps = job.steps.value_or(kSyntheticSteps);
  if (job.density) {
    const RecurrentModel model = recurrent_model_for(network, job.thresholds, chip, sources.notes);
    const Support support = chip.supports_recurrent(model.stack());
    const std::vector<size_t> stage_of_layer = plan_stages(result, model, support);
    const std::vector<RecurrentTrace> traces =
        synthetic_traces(model.stack(), steps, *job.density, job.network.seed);
    chip_notes = add_sequence(result, stage_of_layer, traces, chip, false, {});
    sources.notes.push_back(
        fmt::format("every value changes with probability {} in each of {} steps (seed {}): "
                    "counts, no outputs",
                    *job.density, steps, job.network.seed));
    sources.notes.push_back("one input is one time step");
    sources.network = &network;
    sources.result = &result;
    for (std::string& note : chip_notes) sources.notes.push_back(std::move(note));
    return report_of(surroundings, sources);
  }
  const std::vector<Tensor> sequences = read_sequences(job.input.input, input_width(network));
  std::optional<RecurrentModel> model;
  std::vector<size_t> stage_of_layer;
  SequenceSums sums;
  const auto count =
      job.input.limit > 0 ? std::min<int64_t>(job.input.limit, std::ssize(sequences)) : std::ssize(sequences);
  for (int64_t k = 0; k < count; ++k) {
    const BoundSequence bound = bound_to_sequence(network, sequences[static_cast<size_t>(k)]);
    std::vector<std::string> notes;
    RecurrentModel own = recurrent_model_for(bound.network, job.thresholds, chip, notes);
    if (!model) {
      stage_of_layer = plan_stages(result, own, chip.supports_recurrent(own.stack()));
      sources.notes = notes;
    }
    const RecurrentRun run = run_recurrent(own, bound.inputs, {.threads = sources.threads});
    const std::vector<Tensor> floats =
        job.no_float ? std::vector<Tensor>() : float_outputs(own, bound.inputs, sources.threads);
    chip_notes = add_sequence(result, stage_of_layer, run.traces, chip, job.verify, floats);
    sums.add(run);
    report_progress(surroundings.console.progress(), "simulating", k + 1, count);
    model = std::move(own);
  }
  sums.note(*model, sources.notes);
  for (std::string& note : chip_notes) sources.notes.push_back(std::move(note));
  note_verification(result, job.verify, sources.notes);
  sources.network = &model->network;
  sources.result = &result;
  return report_of(surroundings, sources);
}

}  // namespace deltahop
