// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/picture_run.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include "deltahop/cli/picture_findings.h"
#include "deltahop/cli/recurrent_job.h"
#include "deltahop/compress/fold.h"
#include "deltahop/io/npz.h"

namespace deltahop {
namespace {

using Clock = std::chrono::steady_clock;

bool has_planar_convolution(const Network& network) {
  return std::any_of(network.nodes().begin(), network.nodes().end(), [&](const Node& node) {
    if (node.layer->operator_name() != "Conv" || node.inputs.size() < 2) return false;
    const auto& shape = network.value(node.inputs[1]).shape;
    return shape && shape->size() == 4 && (*shape)[2] * (*shape)[3] > 1;
  });
}

struct Way {
  SparseNetwork& engine;
  PathRule rule;
  PictureWay& result;
};

// Once for its counts, which warms the caches, and once for its time.
std::vector<Tensor> run_way(const Way& way, const std::vector<Tensor>& inputs) {
  way.engine.set_rule(way.rule);
  way.engine.set_count_macs(true);
  std::vector<Tensor> outputs = std::move(way.engine.run(inputs).values);
  add_last_run(way.result.layers, way.engine, false);
  way.engine.set_count_macs(false);
  const Clock::time_point start = Clock::now();
  way.engine.run(inputs);
  way.result.latency.add(std::chrono::duration<double>(Clock::now() - start).count());
  add_last_run(way.result.layers, way.engine, true);
  way.result.other_s += way.engine.other_seconds();
  return outputs;
}

// One row of all outputs, [inputs, ...].
void append(std::vector<std::vector<float>>& rows, const std::vector<Tensor>& outputs) {
  rows.resize(outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Tensor wide = outputs[i].converted(DataType::float32);
    rows[i].insert(rows[i].end(), wide.values<float>().begin(), wide.values<float>().end());
  }
}

// Scores of classes: all values lie along one dimension.
bool are_scores(const Tensor& output) {
  return output.size() > 1 &&
         std::find(output.shape().begin(), output.shape().end(), output.size()) != output.shape().end();
}

void run_inputs(const Inputs& inputs, const std::vector<Way>& ways, bool keep, PictureRunResult& result,
                const Progress& progress) {
  for (int64_t i = 0; i < inputs.size(); ++i) {
    const Inputs::Loaded loaded = inputs.load(i);
    result.labelled += loaded.label ? 1 : 0;
    for (size_t k = 0; k < ways.size(); ++k) {
      // In turns, so that none always runs on what loading an input has left in the caches.
      const Way& way = ways[i % 2 == 0 ? k : ways.size() - 1 - k];
      const std::vector<Tensor> outputs = run_way(way, loaded.tensors);
      const int64_t answer = best_class(outputs.at(0));
      way.result.right += loaded.label == answer ? 1 : 0;
      if (keep) append(way.result.outputs, outputs);
      if (&way != &ways.front()) continue;
      ++result.inputs;
      result.gives_scores = are_scores(outputs[0]);
      if (result.answers.size() < kShownAnswers)
        result.answers.push_back(
            {loaded.name, answer,
             static_cast<double>(outputs[0].values<float>()[static_cast<size_t>(answer)]), loaded.label});
    }
    report_progress(progress, "run", i + 1, inputs.size());
  }
}

void write_outputs(const std::string& path, const Network& network, const PictureRunResult& result) {
  std::map<std::string, Tensor> arrays;
  for (size_t i = 0; i < result.chosen.outputs.size(); ++i) {
    const Value& value = network.value(network.outputs().at(i));
    Shape shape = value.shape.value_or(Shape{1, std::ssize(result.chosen.outputs[i]) / result.inputs});
    if (shape.empty() || shape[0] != 1) shape.insert(shape.begin(), 1);
    shape[0] = result.inputs;
    arrays.emplace(value.name, Tensor::of<float>(shape, result.chosen.outputs[i]));
  }
  write_npz(arrays, path);
}

std::string break_even_note(size_t measured, const SparseNetwork& engine, const std::string& file) {
  if (measured == 0)
    return fmt::format("break-evens of all {} layers: from {}", engine.layers().size(), file);
  return fmt::format(
      "break-evens: {} shape{} measured now and kept in {}; 'deltahop calibrate' does it beforehand",
      measured, measured == 1 ? " was" : "s were", file);
}

}  // namespace

void PictureOptions::add_to(CLI::App& command) {
  preparation.add_preparation_to(command);
  break_even.add_to(command);
}

void PictureOptions::refuse_all() const {
  const auto refuse = [](bool given, const char* option) {
    if (given) throw Error(option, "does nothing: only networks on pictures run by zeros", "leave it out");
  };
  refuse(!preparation.preprocess.empty(), "--preprocess");
  refuse(!preparation.preprocessing_file.empty(), "--preprocessing");
  refuse(!break_even.cache.empty(), "--cache");
}

bool runs_on_pictures(const Network& network, const StreamInputOptions& input, bool by_steps) {
  if (network.inputs().size() != 1 || has_recurrent_layers(network)) return false;
  const StreamKind kind = stream_kind_of(input.inputs.front());
  if (kind == StreamKind::none) return true;
  return kind == StreamKind::arrays && !by_steps && has_planar_convolution(network);
}

void refuse_stream_options(const StreamInputOptions& input, const SessionChoices& session) {
  const auto refuse = [](bool given, const std::string& option) {
    if (given) throw Error(option, "does nothing: pictures are no stream with steps", "leave it out");
  };
  refuse(!input.front_end.empty(), "--front-end");
  refuse(input.rate_Hz > 0, "--rate");
  refuse(input.steps > 0, "--steps");
  refuse(session.products != SessionChoices{}.products, "--delta-products");
  refuse(!session.loops.empty(), "--state-loop");
  refuse(session.no_loops, "--no-state-loops");
  if (!input.classes.empty())
    throw Error("--classes", "does nothing: labels of pictures are numbers", "leave it out");
  if (session.precision != "float32" && session.precision != "int8")
    throw Error(fmt::format("--precision {}", session.precision), "is for streams",
                "pictures run in float32 or int8");
  if (input.inputs.size() > 1) throw Error("--input", "takes one file or folder of pictures");
}

Findings run_on_pictures(const PictureRunJob& job, Surroundings& surroundings) {
  const Progress progress = surroundings.console.progress();
  const int threads = job.session.threads;
  const Network network = bound_to_one(folded(job.network));
  if (network.value(network.outputs().at(0)).type != DataType::float32)
    throw Error(network.name(), "its first output is not of float32", "run tells classes by their scores");
  InputOptions input = job.options.preparation;
  input.input = job.input.inputs.front();
  input.labels = job.input.labels;
  input.limit = job.input.limit;
  const Inputs inputs(input, network, *network.value(network.inputs().at(0).value).shape);
  const bool in_integers = job.session.precision == "int8";

  PictureRunResult result;
  std::vector<std::string> notes;
  std::optional<IntegerModel> model;
  if (in_integers) model = eight_bit_model({}, input, network, inputs, threads, surroundings.console, notes);
  const SparseOptions sparse{.threads = threads};
  SparseNetwork engine = model ? SparseNetwork(*model, sparse) : SparseNetwork(network, sparse);
  if (model) require_engine_layers(engine, network, "run");
  const size_t measured = complete_break_evens(engine, threads, job.options.break_even, progress);
  notes.push_back(break_even_note(measured, engine, job.options.break_even.file().string()));

  std::vector<Way> ways = {{engine, PathRule::measured, result.chosen}};
  std::optional<SparseNetwork> floats;
  if (job.compare_dense) ways.push_back({engine, PathRule::dense, result.dense.emplace()});
  if (job.compare_dense && in_integers) {
    floats.emplace(network, sparse);
    ways.push_back({*floats, PathRule::dense, result.exact.emplace()});
  }
  run_inputs(inputs, ways, job.compare_dense || !job.output.empty(), result, progress);
  result.dense_macs = dense_macs_of(network);
  if (!job.output.empty()) {
    write_outputs(job.output, network, result);
    surroundings.console.note(fmt::format("wrote {}", job.output));
  }

  Findings findings = picture_findings(result, in_integers);
  findings.title = fmt::format("{} by its zeros, {}", network.name(), job.session.precision);
  findings.provenance.input = inputs.description();
  findings.provenance.configurations = {{"preprocessing", to_text(inputs.preprocessing())}};
  if (model) findings.provenance.configurations.emplace_back("number formats", formats_text(*model));
  for (const std::string& node : engine.general_nodes())
    findings.notes.push_back(fmt::format("{} runs in general code", node));
  findings.notes.insert(findings.notes.end(), notes.begin(), notes.end());
  return findings;
}

}  // namespace deltahop
