// SPDX-License-Identifier: Apache-2.0
// deltahop run: a network step by step on a stream, by the columns that changed, or on pictures, by their
// zeros: what it computes, what it skips, how long it takes.
#include <algorithm>
#include <cmath>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "deltahop/base/files.h"
#include "deltahop/cli/integer_run.h"
#include "deltahop/cli/picture_run.h"
#include "deltahop/cli/pipeline_job.h"
#include "deltahop/cli/reporting.h"
#include "deltahop/cli/session_findings.h"
#include "deltahop/cli/threshold_options.h"
#include "deltahop/io/npz.h"
#include "deltahop/network/delta_thresholds.h"
#include "deltahop/pipeline/description.h"
#include "deltahop/report/chart_svg.h"

namespace deltahop {
namespace {

struct RunChoices {
  NetworkOptions network;
  StreamInputOptions input;
  SessionChoices session;
  ReportOptions report;
  ThresholdOptions thresholds;
  std::string output;
  bool compare_dense = false;
  PictureOptions pictures;
  RecordingOptions recordings;  // these two for pipelines only
  std::vector<double> sweep;
  std::string ranges, write_ranges;
  bool integers = false;
};

void write_outputs(const std::string& path, const Session& session, const StreamRun& run) {
  std::map<std::string, Tensor> arrays;
  for (size_t i = 0; i < run.outputs.size(); ++i) {
    const SessionPort& port = session.outputs()[i];
    Shape shape = port.shape;
    shape.insert(shape.begin(),
                 static_cast<int64_t>(run.outputs[i].size()) / std::max<int64_t>(1, port.size));
    arrays.emplace(port.name, Tensor::of<float>(shape, run.outputs[i]));
  }
  write_npz(arrays, path);
}

// A threshold for values that no layer sends would do nothing.
void require_streams(const RunChoices& choices, const Session& session) {
  const std::vector<StreamStatistics> streams = session.statistics().streams;
  const auto sends = [&](std::string_view stream) {
    return std::any_of(streams.begin(), streams.end(), [&](const StreamStatistics& each) {
      return each.is_delta && (stream.empty() || each.stream == stream);
    });
  };
  const ThresholdOptions& thresholds = choices.thresholds;
  if ((thresholds.theta_x || thresholds.theta_h) && !sends(""))
    throw Error("--theta-x, --theta-h", "do nothing: no layer of this network goes by changes",
                "leave them out");
  if (thresholds.theta_rh && !sends("rh"))
    throw Error("--theta-rh", "does nothing: no GRU of this network resets its state before the product",
                "leave it out");
}

SessionRun run_all(const RunChoices& choices, const Network& network, Session& session,
                   const SessionOptions& options, const StreamSequences& input, const Progress& progress) {
  SessionRun result;
  result.run = run_sequences(session, input.all, "run", progress);
  if (!choices.compare_dense) return result;
  SessionOptions in_full = options;
  in_full.delta = false;
  Session dense(network, in_full);
  result.dense = run_sequences(dense, input.all, "run in full", progress);
  if (options.precision == Precision::float32) return result;
  in_full.precision = Precision::float32;
  Session exact(network, in_full);
  result.exact = run_sequences(exact, input.all, "run in float32", progress);
  return result;
}

void show(const Findings& findings, const RunChoices& choices, const Surroundings& surroundings) {
  emit({.name = "run",
        .csv_name = "streams",
        .html = [&] { return to_html(findings); },
        .json = [&] { return to_json(findings); },
        .csv = [&] { return to_csv(findings); },
        .text = [&] { return to_text(findings, style_of(surroundings.console)); },
        .svg = [&] { return charts_svg(findings.charts); }},
       choices.report, surroundings.console);
}

void run(const RunChoices& choices, const Network& network, Surroundings& surroundings) {
  const Progress progress = surroundings.console.progress();
  SessionOptions options = choices.session.options();
  options.thresholds = choices.thresholds.table(network);
  StreamSequences input;
  if (options.precision == Precision::int8 || options.precision == Precision::int16) {
    SessionOptions probe = options;
    probe.precision = Precision::float32;
    input = load_sequences(choices.input, network, Session(network, probe));
    options.ranges = choices.ranges.empty() ? measured_ranges(network, probe, input.all, progress)
                                            : parse_ranges(read_file(choices.ranges), choices.ranges);
  } else if (!choices.ranges.empty()) {
    throw Error("--ranges", "does nothing: only int8 and int16 are scaled by ranges",
                "add --precision int8, or leave it out");
  }
  Session session(network, options);
  require_streams(choices, session);
  if (input.all.empty()) input = load_sequences(choices.input, network, session);
  const SessionRun result = run_all(choices, network, session, options, input, progress);
  if (!choices.write_ranges.empty()) {
    SessionOptions probe = options;
    probe.precision = Precision::float32;
    write_file(choices.write_ranges,
               text_of(options.ranges.empty() ? measured_ranges(network, probe, input.all, progress)
                                              : options.ranges));
    surroundings.console.note(fmt::format("wrote {}", choices.write_ranges));
  }

  Findings findings = session_findings(session, result, input.all);
  findings.title = fmt::format("{} step by step", network.name());
  findings.provenance = provenance_of(surroundings);
  findings.provenance.seed = choices.network.seed;
  findings.provenance.threads = options.threads;
  findings.provenance.input = input.description;
  if (!options.thresholds.empty())
    findings.provenance.configurations.emplace_back("thresholds", text_of(options.thresholds));
  if (!input.front_end.empty()) findings.provenance.configurations.emplace_back("front end", input.front_end);
  if (!choices.output.empty()) {
    write_outputs(choices.output, session, result.run);
    surroundings.console.note(fmt::format("wrote {}", choices.output));
  }
  show(findings, choices, surroundings);
}

// Input and configurations stand there already.
void complete_provenance(Findings& findings, const RunChoices& choices, const Surroundings& surroundings) {
  const Provenance made = std::move(findings.provenance);
  findings.provenance = provenance_of(surroundings);
  findings.provenance.seed = choices.network.seed;
  findings.provenance.threads = choices.session.threads;
  findings.provenance.input = made.input;
  findings.provenance.configurations = made.configurations;
}

void run_integers(const RunChoices& choices, Surroundings& surroundings) {
  const Network network = choices.network.load();
  Findings findings = run_in_integers({.network = network,
                                       .place = choices.network.network,
                                       .input = choices.input,
                                       .thresholds = choices.thresholds.table(network),
                                       .threads = choices.session.threads},
                                      surroundings);
  complete_provenance(findings, choices, surroundings);
  show(findings, choices, surroundings);
}

// An option that does something in a session only asks for one.
bool asks_for_steps(const RunChoices& choices) {
  const SessionChoices usual;
  const bool by_input =
      !choices.input.front_end.empty() || choices.input.rate_Hz > 0 || choices.input.steps > 0;
  const bool by_session = choices.session.products != usual.products || !choices.session.loops.empty() ||
                          choices.session.no_loops ||
                          (choices.session.precision != "float32" && choices.session.precision != "int8");
  return by_input || by_session || choices.thresholds.given() || !choices.ranges.empty() ||
         !choices.write_ranges.empty();
}

void run_pictures(const RunChoices& choices, const Network& network, Surroundings& surroundings) {
  if (choices.thresholds.given())
    throw Error("--theta-x, --theta-h, --theta-rh, --thresholds",
                "do nothing: pictures go by their zeros, not by changes", "leave them out");
  if (!choices.ranges.empty() || !choices.write_ranges.empty())
    throw Error("--ranges, --write-ranges", "are for streams",
                "'deltahop quantize' keeps formats for pictures");
  refuse_stream_options(choices.input, choices.session);
  Findings findings = run_on_pictures({.network = network,
                                       .input = choices.input,
                                       .options = choices.pictures,
                                       .session = choices.session,
                                       .compare_dense = choices.compare_dense,
                                       .output = choices.output},
                                      surroundings);
  complete_provenance(findings, choices, surroundings);
  show(findings, choices, surroundings);
}

void run_any(const RunChoices& choices, Surroundings& surroundings) {
  if (choices.integers) return run_integers(choices, surroundings);
  const bool sounds = is_pipeline(choices.network.network);
  refuse_idle_options(choices.input, choices.session, choices.recordings, sounds);
  if (!sounds && !choices.sweep.empty())
    throw Error("--sweep", "is for sound pipelines", "see deltahop list pipelines");
  if (!sounds) {
    const Network network = choices.network.load();
    if (runs_on_pictures(network, choices.input, asks_for_steps(choices)))
      return run_pictures(choices, network, surroundings);
    choices.pictures.refuse_all();
    return run(choices, network, surroundings);
  }
  choices.pictures.refuse_all();
  if (!choices.ranges.empty() || !choices.write_ranges.empty())
    throw Error("--ranges, --write-ranges", "are not for sound pipelines", "they measure their own");
  if (choices.network.seed_is_given() && choices.recordings.noises.empty()) refuse_seed();
  PipelineJob job{.pipeline = choices.network.network,
                  .networks = choices.network.weights,
                  .recordings = choices.recordings,
                  .options = choices.session.options(),
                  .sweep = choices.sweep,
                  .compare_dense = choices.compare_dense,
                  .output = choices.output};
  job.recordings.inputs = choices.input.inputs;
  job.recordings.limit = choices.input.limit;
  job.recordings.seed = choices.network.seed;
  job.options.thresholds = choices.thresholds.unchecked_table();
  Findings findings = run_pipeline(job, surroundings.console, surroundings.console.progress());
  Provenance provenance = provenance_of(surroundings);
  provenance.seed = findings.provenance.seed;
  provenance.threads = findings.provenance.threads;
  provenance.input = findings.provenance.input;
  provenance.configurations = findings.provenance.configurations;
  findings.provenance = std::move(provenance);
  show(findings, choices, surroundings);
}

}  // namespace

void add_run(CLI::App& program, Surroundings& surroundings) {
  CLI::App* command = program.add_subcommand(
      "run",
      "A network on a stream, skipping what has not changed, or on pictures, skipping zeros: outputs, "
      "sparsity, latency");
  auto choices = std::make_shared<RunChoices>();
  choices->network.add_source_to(*command);
  choices->input.add_to(*command);
  choices->input.add_labels_to(*command);
  choices->thresholds.add_to(*command);
  choices->session.add_to(*command);
  command->add_option(
      "--ranges", choices->ranges,
      "For int8 and int16: how large values get, as --write-ranges has written it; without, measured on "
      "this input");
  command->add_option("--write-ranges", choices->write_ranges, "How large values get on this input");
  command->add_flag("--compare-dense", choices->compare_dense,
                    "Run it in full, too: how much faster it is, and how far its outputs are off");
  command->add_option("-o,--output", choices->output,
                      "The outputs of all steps or pictures as NPZ, an array an output; of a pipeline a WAV "
                      "file, or a folder of "
                      "them where there are several recordings");
  command->add_flag(
      "--integers", choices->integers,
      "In the integers that the network's metadata describe, bit for bit as chips compute: pictures "
      "and arrays, too; accuracy, zeros, sent columns");
  choices->pictures.add_to(*command);
  choices->recordings.add_to(*command);
  command
      ->add_option(
          "--sweep", choices->sweep,
          "A pipeline: these thresholds, separated by commas, each for inputs and hidden states, beside "
          "every product in full")
      ->delimiter(',')
      ->check(CLI::NonNegativeNumber);
  exclude(
      *command, "--integers",
      {"--precision", "--ranges", "--write-ranges", "--compare-dense", "--output", "--sweep", "--reference",
       "--noise", "--snr", "--state-loop", "--no-state-loops", "--preprocess", "--preprocessing", "--cache"});
  exclude(*command, "--sweep", {"--theta-x", "--theta-h", "--theta-rh", "--thresholds"});
  choices->report.add_forms_to(*command);
  choices->report.add_svg_to(*command);
  command->footer(
      "Examples:\n"
      "  deltahop run net.onnx --input frames.npy --theta-x 0.1 --theta-h 0.2 --compare-dense\n"
      "  deltahop run cnn.onnx --input pictures --labels labels.csv --precision int8 --compare-dense\n"
      "  deltahop run kws.onnx --input x.wav --front-end 'mfcc(10, 40 ms, 20 ms)' --precision int8 --html "
      "run.html\n"
      "  deltahop run dtln --weights models/dtln --input noisy.wav --reference clean.wav --theta-x 0.05 "
      "--theta-h 0.05 "
      "-o enhanced.wav");
  command->callback([choices, &surroundings] { run_any(*choices, surroundings); });
}

}  // namespace deltahop
