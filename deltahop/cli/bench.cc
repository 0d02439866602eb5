// SPDX-License-Identifier: Apache-2.0
// deltahop bench: a network of convolutions on real inputs, dense and by its zeros, in floats and integers,
// and by what changes from frame to frame: times, operations, bytes, answers.
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "deltahop/cli/bench_findings.h"
#include "deltahop/cli/break_even_options.h"
#include "deltahop/cli/reporting.h"
#include "deltahop/compress/fold.h"
#include "deltahop/report/chart_svg.h"

namespace deltahop {
namespace {

struct BenchOptions {
  NetworkOptions network;
  InputOptions input;
  FormatOptions format;
  BreakEvenOptions break_even;
  ReportOptions report;
  BenchSettings settings;
  bool video = false, open_loop = false;
  std::vector<double> thresholds = {0};
  std::string technology = "45nm_horowitz";
};

std::vector<MeasuredLayer> measured_layers(const BreakEvenTable& table, const SparseNetwork& network,
                                           int threads) {
  std::vector<MeasuredLayer> layers;
  for (const SparseLayer& layer : network.layers()) {
    const BreakEvenCurve* const curve = table.find(break_even_key(layer, threads));
    if (curve != nullptr) layers.push_back({layer, *curve});
  }
  return layers;
}

void require_classes(const Network& network) {
  const Value& output = network.value(network.outputs().at(0));
  if (output.type != DataType::float32)
    throw Error(network.name(), "its first output is not of float32", "bench compares scores of classes");
}

void add_changes(const BenchOptions& options, const IntegerModel& model, const Inputs& inputs,
                 double engine_median_s, const Progress& progress, Findings& findings) {
  std::vector<VideoRun> runs;
  for (const double threshold : options.thresholds) {
    runs.push_back(run_video(model, inputs, {ChangeRule::recompute, threshold, !options.open_loop},
                             options.settings.threads, progress));
  }
  runs.push_back(
      run_video(model, inputs, {ChangeRule::accumulate, 0, true}, options.settings.threads, progress));
  // What zeros save without any state, of the exact network: that of the last run, whose values have not
  // drifted.
  for (VideoRun& run : runs) {
    run.total.nonzero_macs = runs.back().total.nonzero_macs;
    for (size_t i = 0; i < run.layers.size(); ++i)
      run.layers[i].nonzero_macs = runs.back().layers[i].nonzero_macs;
  }
  const Technology technology = load_technology(options.technology);
  add_video(runs, technology, engine_median_s, findings);
  findings.provenance.configurations.emplace_back("technology", technology.resolved);
}

void bench(const BenchOptions& options, Surroundings& surroundings) {
  const Progress progress = surroundings.console.progress();
  const int threads = options.settings.threads;
  const Network network = bound_to_one(folded(options.network.load()));
  require_classes(network);
  const Inputs inputs(options.input, network, *network.value(network.inputs().at(0).value).shape);
  if (options.video && inputs.size() < 2)
    throw Error("--video", "needs at least two frames", "give a folder or an array of frames");
  std::vector<std::string> notes;
  const IntegerModel model =
      eight_bit_model(options.format, options.input, network, inputs, threads, surroundings.console, notes);
  const SparseOptions sparse{.threads = threads};
  SparseNetwork integers(model, sparse), floats(network, sparse);
  require_engine_layers(integers, network, "bench");
  const size_t measured = complete_break_evens(integers, threads, options.break_even, progress) +
                          complete_break_evens(floats, threads, options.break_even, progress);
  if (measured > 0)
    notes.push_back(fmt::format("{} shapes were measured now and are kept in {}", measured,
                                options.break_even.file().string()));
  const BenchResult result = run_bench(model, network, inputs, integers, floats, options.settings, progress);

  const BreakEvenTable table = BreakEvenTable::read(options.break_even.file());
  std::vector<MeasuredLayer> curves = measured_layers(table, integers, threads);
  for (MeasuredLayer& each : measured_layers(table, floats, threads)) curves.push_back(std::move(each));
  Findings findings = bench_findings(result, curves);
  findings.title = fmt::format("{} by every way", network.name());
  findings.provenance = provenance_of(surroundings);
  findings.provenance.seed = options.network.seed;
  findings.provenance.threads = threads;
  findings.provenance.input = inputs.description();
  findings.provenance.configurations = {{"number formats", formats_text(model)},
                                        {"preprocessing", to_text(inputs.preprocessing())}};
  if (options.video)
    add_changes(options, model, inputs, result.way("int8_zeros").median_s(), progress, findings);
  findings.notes.insert(findings.notes.end(), notes.begin(), notes.end());
  emit({.name = "bench",
        .csv_name = "ways",
        .html = [&] { return to_html(findings); },
        .json = [&] { return to_json(findings); },
        .csv = [&] { return to_csv(findings); },
        .text = [&] { return to_text(findings, style_of(surroundings.console)); },
        .svg = [&] { return charts_svg(findings.charts); }},
       options.report, surroundings.console);
  if (result.different > 0) surroundings.exit_code = 1;
}

}  // namespace

void add_bench(CLI::App& program, Surroundings& surroundings) {
  CLI::App* command = program.add_subcommand(
      "bench",
      "A network of convolutions dense, by its zeros and by what changes: times, operations, bytes, answers");
  auto options = std::make_shared<BenchOptions>();
  options->network.add_source_to(*command);
  options->input.add_to(*command);
  command->get_option("--input")->required();
  options->format.add_to(*command);
  command->add_option("--threads", options->settings.threads, "Threads (1)")->check(CLI::Range(1, 256));
  command
      ->add_option("--rounds", options->settings.rounds, "How often each timed input is run by each way (21)")
      ->check(CLI::Range(1, 100000));
  command->add_option("--timed", options->settings.timed, "How many inputs are timed, evenly spaced (16)")
      ->check(CLI::Range(1, 1000000));
  CLI::Option* const video = command->add_flag(
      "--video", options->video, "The inputs are consecutive frames: also by what changes, with its ledger");
  command
      ->add_option("--change-threshold", options->thresholds,
                   "Pixels change by more than this to be computed again; several, separated by commas (0)")
      ->delimiter(',')
      ->check(CLI::NonNegativeNumber)
      ->needs(video);
  command
      ->add_flag("--open-loop", options->open_loop, "Compare with the last frame, not with what last changed")
      ->needs(video);
  command
      ->add_option("--technology", options->technology, "Energies for the ledger's verdict (45nm_horowitz)")
      ->needs(video);
  options->break_even.add_to(*command);
  options->report.add_to(*command);
  options->report.add_svg_to(*command);
  command->footer(
      "Examples:\n"
      "  deltahop bench models/demo_cnn.onnx --input models/demo_pictures --labels "
      "models/demo_pictures/labels.csv\n"
      "  deltahop bench roshambo --weights roshambo_cnn --input roshambo_cnn/frames --video "
      "--change-threshold "
      "0,0.02,0.05");
  command->callback([options, &surroundings] { bench(*options, surroundings); });
}

}  // namespace deltahop
