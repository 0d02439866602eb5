// SPDX-License-Identifier: Apache-2.0
// deltahop run: a network step by step on a stream, by the columns that changed: what it computes, what it
// skips, how long it takes.
#include <algorithm>
#include <cmath>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "deltahop/base/files.h"
#include "deltahop/cli/integer_run.h"
#include "deltahop/cli/pipeline_job.h"
#include "deltahop/cli/reporting.h"
#include "deltahop/cli/stream_job.h"
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
  RecordingOptions recordings;  // these two for pipelines only
  std::vector<double> sweep;
  std::string ranges, write_ranges;
  bool integers = false;
};

struct RunResult {
  StreamRun run;
  std::optional<StreamRun> dense, exact;  // in full at the same precision; in float where that is another one
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

void add_dense_figures(Findings& findings, const Session& session, const RunResult& result) {
  const StreamRun& dense = *result.dense;
  const double gain = dense.latency.median_s / result.run.latency.median_s;
  findings.figures.push_back(
      {"dense_latency_median_s", "median step in full", dense.latency.median_s, NumberStyle::seconds, ""});
  findings.figures.push_back({"speedup", "faster than in full", gain, NumberStyle::ratio, "at the median"});
  const double off = relative_difference(session, result.run, dense);
  findings.figures.push_back({"difference_fraction", "difference to in full", off, NumberStyle::percent,
                              off > 0 ? fmt::format("{:.1f} dB below the output", -20 * std::log10(off))
                                      : std::string("not a bit")});
  if (result.exact) {
    findings.figures.push_back({"float_difference_fraction", "difference to float32 in full",
                                relative_difference(session, result.run, *result.exact), NumberStyle::percent,
                                "rounding and thresholds together"});
  }
  FindingsTable table{"differences",
                      "Outputs against those in full",
                      "",
                      {{"output", "output", NumberStyle::plain, true},
                       {"largest", "largest difference"},
                       {"root_mean_square", "root mean square"},
                       {"relative_fraction", "relative", NumberStyle::percent}},
                      {}};
  for (size_t i = 0; i < session.outputs().size(); ++i) {
    const Difference own = difference(result.run.outputs[i], dense.outputs[i]);
    table.rows.push_back({session.outputs()[i].name, own.largest, own.root_mean_square, own.relative});
  }
  findings.tables.push_back(std::move(table));
}

std::vector<Chart> charts_of(const SessionStatistics& statistics) {
  Chart sparsity{
      "sparsity",
      "Columns that were not sent",
      "The share of values that changed by less than their threshold: their column of weights stays where "
      "it is.",
      "not sent",
      Chart::Kind::bars,
      ChartUnit::fraction,
      {},
      {{"not sent", 0, {}}}};
  Chart bytes{"bytes",
              "Weights read",
              "Over all steps; in full, every weight is read in every step.",
              "bytes",
              Chart::Kind::bars,
              ChartUnit::bits,
              {},
              {{"in full", 5, {}}, {"read", 0, {}}}};
  for (const StreamStatistics& each : statistics.streams) {
    const std::string label = fmt::format("{}, {}", each.layer, each.stream);
    bytes.labels.push_back(label);
    bytes.series[0].values.emplace_back(8.0 * static_cast<double>(each.dense_bytes()));
    bytes.series[1].values.emplace_back(8.0 * static_cast<double>(each.read_bytes()));
    if (!each.is_delta) continue;
    sparsity.labels.push_back(label);
    sparsity.series[0].values.emplace_back(each.sparsity());
  }
  sparsity.label_header = bytes.label_header = "layer and values";
  std::vector<Chart> charts;
  if (!sparsity.labels.empty()) charts.push_back(std::move(sparsity));
  charts.push_back(std::move(bytes));
  return charts;
}

void add_counts(Findings& findings, const RunResult& result) {
  const SessionStatistics& counts = result.run.statistics;
  const double steps = static_cast<double>(std::max<int64_t>(1, counts.steps));
  const double read = static_cast<double>(counts.read_bytes()) / steps;
  const double dense = static_cast<double>(counts.dense_bytes()) / steps;
  findings.figures = {
      {"steps", "steps", steps, NumberStyle::count, ""},
      {"sparsity_fraction", "columns not sent", counts.sparsity(), NumberStyle::percent,
       "weighted by their weights"},
      {"dense_bytes_per_step", "weights in full", dense, NumberStyle::bytes, "a step"},
      {"read_bytes_per_step", "weights read", read, NumberStyle::bytes,
       read > 0 ? fmt::format("a step: {:.3g} times less", dense / read) : std::string("a step")},
      {"latency_median_s", "median step", result.run.latency.median_s, NumberStyle::seconds, ""},
      {"latency_p99_s", "99 of 100 steps within", result.run.latency.p99_s, NumberStyle::seconds, ""},
      {"latency_max_s", "longest step", result.run.latency.max_s, NumberStyle::seconds, ""}};
}

std::string lead_of(const RunResult& result) {
  const SessionStatistics& counts = result.run.statistics;
  std::string lead = fmt::format("{} of the weights' columns were not sent, and a step took {} at the median",
                                 styled(counts.sparsity(), NumberStyle::percent),
                                 styled(result.run.latency.median_s, NumberStyle::seconds));
  if (result.dense) {
    const double gain = result.dense->latency.median_s / result.run.latency.median_s;
    lead += gain >= 1 ? fmt::format(", {:.3g} times faster than in full", gain)
                      : fmt::format(": {:.3g} times slower than in full", 1 / gain);
  }
  return lead + ".";
}

void add_notes(Findings& findings, const Session& session, const RunResult& result) {
  findings.notes = explanations(result.run.statistics);
  for (const StateLoop& loop : session.loops())
    findings.notes.push_back(
        fmt::format("the output '{}' is the input '{}' of the next step", loop.output, loop.input));
  for (const std::string& node : session.allocating_nodes())
    findings.notes.push_back(
        fmt::format("{} runs through its general code, which allocates memory in every step", node));
  if (result.dense) {
    const double bytes = static_cast<double>(result.run.statistics.dense_bytes()) /
                         static_cast<double>(std::max<int64_t>(1, result.run.statistics.read_bytes()));
    const double gain = result.dense->latency.median_s / result.run.latency.median_s;
    if (gain < 0.7 * bytes) {
      findings.notes.push_back(fmt::format(
          "{:.3g} times fewer bytes make a step {:.3g} times faster: gates, element-wise layers and the "
          "search for "
          "changes take their time in every step, and weights that fit the cache are cheap to read",
          bytes, gain));
    }
  }
  findings.notes.emplace_back(
      "times are of this machine in this run; the median and the 99th percentile are right within 1 %");
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

RunResult run_all(const RunChoices& choices, const Network& network, Session& session,
                  const SessionOptions& options, const StreamSequences& input, const Progress& progress) {
  RunResult result;
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

void run(const RunChoices& choices, Surroundings& surroundings) {
  const Network network = choices.network.load();
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
  const RunResult result = run_all(choices, network, session, options, input, progress);
  if (!choices.write_ranges.empty()) {
    SessionOptions probe = options;
    probe.precision = Precision::float32;
    write_file(choices.write_ranges,
               text_of(options.ranges.empty() ? measured_ranges(network, probe, input.all, progress)
                                              : options.ranges));
    surroundings.console.note(fmt::format("wrote {}", choices.write_ranges));
  }

  Findings findings;
  findings.title = fmt::format("{} step by step", network.name());
  findings.command = "run";
  findings.lead = lead_of(result);
  findings.provenance = provenance_of(surroundings);
  findings.provenance.seed = choices.network.seed;
  findings.provenance.threads = options.threads;
  findings.provenance.input = input.description;
  if (!options.thresholds.empty())
    findings.provenance.configurations.emplace_back("thresholds", text_of(options.thresholds));
  if (!input.front_end.empty()) findings.provenance.configurations.emplace_back("front end", input.front_end);
  add_counts(findings, result);
  findings.tables.push_back(streams_table(result.run.statistics));
  if (result.dense) add_dense_figures(findings, session, result);
  if (const auto right = accuracy(result.run, input.all)) {
    const auto dense = result.dense ? accuracy(*result.dense, input.all) : std::nullopt;
    findings.figures.push_back({"accuracy_fraction", "right answers", right, NumberStyle::percent, ""});
    findings.figures.push_back(
        {"dense_accuracy_fraction", "right answers in full", dense, NumberStyle::percent, ""});
  }
  findings.charts = charts_of(result.run.statistics);
  add_notes(findings, session, result);
  if (!choices.output.empty()) {
    write_outputs(choices.output, session, result.run);
    surroundings.console.note(fmt::format("wrote {}", choices.output));
  }
  show(findings, choices, surroundings);
}

void run_integers(const RunChoices& choices, Surroundings& surroundings) {
  const Network network = choices.network.load();
  Findings findings = run_in_integers({.network = network,
                                       .place = choices.network.network,
                                       .input = choices.input,
                                       .thresholds = choices.thresholds.table(network),
                                       .threads = choices.session.threads},
                                      surroundings);
  const Provenance made = std::move(findings.provenance);
  findings.provenance = provenance_of(surroundings);
  findings.provenance.seed = choices.network.seed;
  findings.provenance.threads = choices.session.threads;
  findings.provenance.input = made.input;
  findings.provenance.configurations = made.configurations;
  show(findings, choices, surroundings);
}

void run_any(const RunChoices& choices, Surroundings& surroundings) {
  if (choices.integers) return run_integers(choices, surroundings);
  const bool sounds = is_pipeline(choices.network.network);
  refuse_idle_options(choices.input, choices.session, choices.recordings, sounds);
  if (!sounds && !choices.sweep.empty())
    throw Error("--sweep", "is for sound pipelines", "see deltahop list pipelines");
  if (!sounds) return run(choices, surroundings);
  if (!choices.ranges.empty() || !choices.write_ranges.empty())
    throw Error("--ranges, --write-ranges", "are not for sound pipelines", "they measure their own");
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
      "run", "A network step by step on a stream, skipping what has not changed: outputs, sparsity, latency");
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
  command->add_option(
      "-o,--output", choices->output,
      "The outputs of all steps as NPZ, an array an output; of a pipeline a WAV file, or a folder of "
      "them where there are several recordings");
  command->add_flag(
      "--integers", choices->integers,
      "In the integers that the network's metadata describe, bit for bit as chips compute: pictures "
      "and arrays, too; accuracy, zeros, sent columns");
  choices->recordings.add_to(*command);
  command
      ->add_option(
          "--sweep", choices->sweep,
          "A pipeline: these thresholds, separated by commas, each for inputs and hidden states, beside "
          "every product in full")
      ->delimiter(',')
      ->check(CLI::NonNegativeNumber);
  exclude(*command, "--integers",
          {"--precision", "--ranges", "--write-ranges", "--compare-dense", "--output", "--sweep",
           "--reference", "--noise", "--snr", "--state-loop", "--no-state-loops"});
  exclude(*command, "--sweep", {"--theta-x", "--theta-h", "--theta-rh", "--thresholds"});
  choices->report.add_forms_to(*command);
  choices->report.add_svg_to(*command);
  command->footer(
      "Examples:\n"
      "  deltahop run net.onnx --input frames.npy --theta-x 0.1 --theta-h 0.2 --compare-dense\n"
      "  deltahop run kws.onnx --input x.wav --front-end 'mfcc(10, 40 ms, 20 ms)' --precision int8 --html "
      "run.html\n"
      "  deltahop run dtln --weights models/dtln --input noisy.wav --reference clean.wav --theta-x 0.05 "
      "--theta-h 0.05 "
      "-o enhanced.wav");
  command->callback([choices, &surroundings] { run_any(*choices, surroundings); });
}

}  // namespace deltahop
