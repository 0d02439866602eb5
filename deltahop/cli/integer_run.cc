// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/integer_run.h"

#include <algorithm>

#include <fmt/format.h>

#include "deltahop/cli/recurrent_job.h"
#include "deltahop/cli/recurrent_simulation.h"
#include "deltahop/cli/simulation.h"
#include "deltahop/compress/fold.h"
#include "deltahop/run/executor.h"
#include "deltahop/run/integer_recurrent.h"
#include "deltahop/run/session.h"

namespace deltahop {
namespace {

struct Answers {
  int64_t inputs = 0, labelled = 0, right = 0;
};

void add_answers(Findings& findings, const Answers& answers) {
  findings.figures.push_back(
      {"inputs", "inputs", static_cast<double>(answers.inputs), NumberStyle::count, ""});
  if (answers.labelled == 0) return;
  findings.figures.push_back({"right", "right answers", static_cast<double>(answers.right),
                              NumberStyle::count, fmt::format("of {} with a label", answers.labelled)});
  findings.figures.push_back({"accuracy_fraction", "accuracy",
                              static_cast<double>(answers.right) / static_cast<double>(answers.labelled),
                              NumberStyle::percent, ""});
}

double fraction(int64_t part, int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

// Pictures and arrays through the integer executor.
Findings run_pictures(const IntegerRunJob& job, const Network& folded_network, Surroundings& surroundings) {
  const Network network = bound_to_one(folded_network);
  const auto formats = network.metadata().find(std::string(kFormatsKey));
  if (formats == network.metadata().end())
    throw Error(job.place, "has no number formats in its metadata",
                "deltahop quantize writes them, and deltahop train with a constraint 'rounding'");
  if (job.input.inputs.size() != 1) throw Error("--input", "takes one file or folder with --integers");
  InputOptions options;
  options.input = job.input.inputs.front();
  options.labels = job.input.labels;
  options.limit = job.input.limit;
  const Inputs inputs(options, network, *network.value(network.inputs().at(0).value).shape);
  const IntegerExecutor executor(model_from_formats(network, formats->second, job.place), job.threads);
  const SimulationResult result = simulate_network(
      executor, inputs, nullptr, {.with_float = false, .with_sizes = false, .threads = job.threads},
      surroundings.console.progress());
  Findings findings;
  add_answers(findings, {result.inputs, result.accuracy.labelled, result.accuracy.integer_top1});
  FindingsTable table{"stages",
                      "Zeros in what each stage gives",
                      "",
                      {{"stage", "stage", NumberStyle::plain, true},
                       {"values", "values", NumberStyle::count},
                       {"zeros", "zeros", NumberStyle::count},
                       {"zeros_fraction", "share", NumberStyle::percent}},
                      {}};
  for (size_t k = 0; k < result.plans.size(); ++k) {
    const StageRecord& sum = result.stages[k].sum;
    const int64_t zeros = sum.output_values - sum.output_nonzero;
    table.rows.push_back({result.plans[k].name, static_cast<double>(sum.output_values),
                          static_cast<double>(zeros), fraction(zeros, sum.output_values)});
  }
  findings.tables.push_back(std::move(table));
  findings.provenance.input = inputs.description();
  findings.provenance.configurations.emplace_back("number formats", formats->second);
  return findings;
}

struct GruCounts {
  std::string name;
  int64_t steps = 0, sent_x = 0, sent_h = 0, inputs = 0, hidden = 0;
  int64_t columns() const { return steps * (inputs + hidden); }
};

void add_layers(Findings& findings, const std::vector<GruCounts>& layers) {
  FindingsTable table{"layers",
                      "Columns that were sent",
                      "",
                      {{"layer", "layer", NumberStyle::plain, true},
                       {"steps", "steps", NumberStyle::count},
                       {"sent_x", "of inputs", NumberStyle::count},
                       {"sent_h", "of states", NumberStyle::count},
                       {"columns", "of all columns", NumberStyle::count},
                       {"skipped_fraction", "skipped", NumberStyle::percent}},
                      {}};
  double read = 0, all = 0;
  for (const GruCounts& layer : layers) {
    const int64_t sent = layer.sent_x + layer.sent_h;
    table.rows.push_back({layer.name, static_cast<double>(layer.steps), static_cast<double>(layer.sent_x),
                          static_cast<double>(layer.sent_h), static_cast<double>(layer.columns()),
                          fraction(layer.columns() - sent, layer.columns())});
    read += 3.0 * static_cast<double>(layer.hidden) * static_cast<double>(sent);
    all += 3.0 * static_cast<double>(layer.hidden) * static_cast<double>(layer.columns());
  }
  findings.figures.push_back(
      {"read_weights_fraction", "weights read", read / std::max(1.0, all), NumberStyle::percent,
       fmt::format("{:.3g} times less than all in every step", all / std::max(1.0, read))});
  findings.tables.push_back(std::move(table));
}

// Sequences through integer delta GRUs; what is no GRU runs in float.
Findings run_sequences_in_integers(const IntegerRunJob& job, const Network& network,
                                   Surroundings& surroundings) {
  const DeltaGruFormats formats = gru_formats_in(network);
  const StreamSequences sequences = load_sequences(job.input, network, Session(network, {}));
  const int64_t width = input_width(network);
  std::vector<GruCounts> layers;
  Answers answers;
  int64_t done = 0;
  for (const StreamSequence& sequence : sequences.all) {
    const auto data = std::find_if(sequence.values.begin(), sequence.values.end(),
                                   [](const auto& values) { return !values.empty(); });
    if (data == sequence.values.end()) throw Error(sequence.name, "holds nothing for the network's input");
    std::vector<float> values(*data);
    values.resize(static_cast<size_t>(sequence.steps * width));  // --steps
    const BoundSequence bound = bound_to_sequence(network, Tensor::of({sequence.steps, width}, values));
    const RecurrentModel model = recurrent_model(bound.network, formats, job.thresholds);
    const RecurrentRun run = run_recurrent(model, bound.inputs, {.threads = job.threads});
    layers.resize(run.traces.size());
    for (size_t k = 0; k < layers.size(); ++k) {
      const RecurrentTrace& trace = run.traces[k];
      layers[k].name = model.network.nodes()[model.layers[k].node].name;
      layers[k].inputs = trace.layer->inputs;
      layers[k].hidden = trace.layer->hidden;
      layers[k].steps += trace.steps();
      for (const int32_t sent : trace.sent_x) layers[k].sent_x += sent;
      for (const int32_t sent : trace.sent_h) layers[k].sent_h += sent;
    }
    ++answers.inputs;
    if (sequence.label && !run.outputs.empty()) {
      const Tensor& out = run.outputs.front();
      const auto scores = out.values<float>().last(static_cast<size_t>(out.shape().back()));
      ++answers.labelled;
      answers.right +=
          std::max_element(scores.begin(), scores.end()) - scores.begin() == *sequence.label ? 1 : 0;
    }
    report_progress(surroundings.console.progress(), "running", ++done, std::ssize(sequences.all));
  }
  Findings findings;
  add_answers(findings, answers);
  add_layers(findings, layers);
  findings.provenance.input = sequences.description;
  findings.provenance.configurations.emplace_back("number formats", text_of(formats));
  findings.provenance.configurations.emplace_back("thresholds", text_of(job.thresholds));
  if (!sequences.front_end.empty())
    findings.provenance.configurations.emplace_back("front end", sequences.front_end);
  return findings;
}

}  // namespace

Findings run_in_integers(const IntegerRunJob& job, Surroundings& surroundings) {
  const Network network = folded(job.network);
  const bool recurrent = has_recurrent_layers(network);
  Findings findings = recurrent ? run_sequences_in_integers(job, network, surroundings)
                                : run_pictures(job, network, surroundings);
  findings.title = fmt::format("{} in integers", network.name());
  findings.command = "run";
  findings.notes.emplace_back(recurrent ? "GRUs as EdgeDRNN computes them, other layers in float"
                                        : "bit for bit as the integer executor computes it");
  return findings;
}

}  // namespace deltahop
