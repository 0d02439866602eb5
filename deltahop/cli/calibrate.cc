// SPDX-License-Identifier: Apache-2.0
// deltahop calibrate: from how many zeros skipping them is faster on this machine, for each shape of
// convolution, measured once and kept.
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "deltahop/base/files.h"
#include "deltahop/base/random.h"
#include "deltahop/cli/break_even_options.h"
#include "deltahop/cli/break_even_report.h"
#include "deltahop/cli/options.h"
#include "deltahop/cli/reporting.h"
#include "deltahop/compress/fold.h"
#include "deltahop/io/load.h"
#include "deltahop/report/chart_svg.h"

namespace deltahop {
namespace {

struct CalibrateOptions {
  std::vector<std::string> networks;
  BreakEvenOptions break_even;
  ReportOptions report;
  int threads = 1;
  bool fresh = false;
};

struct UsualShape {
  int64_t in, out, side, kernel, stride;
};
// Layers of VGG-16, ResNet-50, SqueezeNet and MobileNet: large and small maps, 1x1 to 7x7.
constexpr UsualShape kUsual[] = {{64, 64, 56, 3, 1},   {128, 128, 28, 3, 1}, {256, 256, 28, 3, 1},
                                 {512, 512, 14, 3, 1}, {256, 64, 56, 1, 1},  {512, 512, 14, 1, 1},
                                 {48, 192, 27, 1, 1},  {64, 128, 28, 5, 2}};

// One convolution with a ReLU.
Network one_layer(const UsualShape& usual) {
  Random random(1);
  const std::string name = fmt::format("{}x{}/{} {}->{} {}px", usual.kernel, usual.kernel, usual.stride,
                                       usual.in, usual.out, usual.side);
  NetworkBuilder builder(name);
  const ValueId x = builder.input("x", DataType::float32, {1, usual.in, usual.side, usual.side});
  Tensor weights(DataType::float32, {usual.out, usual.in, usual.kernel, usual.kernel});
  for (float& w : weights.values<float>()) w = static_cast<float>(random.uniform(-1, 1));
  const std::vector<int64_t> pads(4, usual.kernel / 2), strides(2, usual.stride);
  const ValueId y = builder.node("Conv", name, {x, builder.constant("w", weights)},
                                 {{"pads", pads}, {"strides", strides}})[0];
  builder.output(builder.node("Relu", "relu", {y})[0]);
  return builder.build();
}

void calibrate(const CalibrateOptions& options, Surroundings& surroundings) {
  std::vector<Network> networks;
  for (const std::string& name : options.networks)
    networks.push_back(bound_to_one(folded(load_network(name))));
  if (networks.empty()) {
    for (const UsualShape& usual : kUsual) networks.push_back(one_layer(usual));
  }
  const std::filesystem::path file = options.break_even.file();
  BreakEvenTable table = BreakEvenTable::read(file);
  const Progress progress = surroundings.console.progress();
  std::vector<MeasuredLayer> measured;
  for (const Network& network : networks) {
    const SparseOptions sparse{.threads = options.threads};
    SparseNetwork engines[] = {SparseNetwork(uncalibrated_model(network), sparse),
                               SparseNetwork(network, sparse)};
    for (SparseNetwork& engine : engines) {
      std::vector<size_t> wanted = table.apply(engine, options.threads);
      if (options.fresh) {
        wanted.clear();
        for (size_t i = 0; i < engine.layers().size(); ++i) wanted.push_back(i);
      }
      measure_layers(engine, wanted, options.threads, table, progress);
      for (const SparseLayer& layer : engine.layers()) {
        const BreakEvenCurve* const curve = table.find(break_even_key(layer, options.threads));
        if (curve != nullptr) measured.push_back({layer, *curve});
      }
    }
  }
  write_file(file, table.text());
  surroundings.console.note(fmt::format("wrote {}", file.string()));

  Findings findings;
  findings.title = "From how many zeros skipping them is faster";
  findings.command = "calibrate";
  findings.lead = fmt::format(
      "{} on {}, {} thread{}: the share of zeros from which a convolution that skips them "
      "beats our own dense one.",
      measured.size(), processor_name(), options.threads, options.threads == 1 ? "" : "s");
  findings.provenance = provenance_of(surroundings);
  findings.provenance.threads = options.threads;
  findings.tables.push_back(break_even_table(measured));
  findings.charts = break_even_charts(measured);
  findings.notes = {fmt::format("kept in {}; 'run' and 'bench' take it from there", file.string()),
                    "random maps with this share of zeros through each layer's own weights, medians of 7 "
                    "interleaved measurements"};
  emit({.name = "calibrate",
        .csv_name = "break_even",
        .html = [&] { return to_html(findings); },
        .json = [&] { return to_json(findings); },
        .csv = [&] { return to_csv(findings); },
        .text = [&] { return to_text(findings, style_of(surroundings.console)); },
        .svg = [&] { return charts_svg(findings.charts); }},
       options.report, surroundings.console);
}

}  // namespace

void add_calibrate(CLI::App& program, Surroundings& surroundings) {
  CLI::App* command = program.add_subcommand(
      "calibrate", "Measure once from how many zeros skipping them is faster on this machine, and keep it");
  auto options = std::make_shared<CalibrateOptions>();
  command->add_option("networks", options->networks,
                      "Networks whose convolutions are measured; without, eight usual shapes");
  command->add_option("--threads", options->threads, "Threads (1)")->check(CLI::Range(1, 256));
  command->add_flag("--fresh", options->fresh, "Measure again what the file knows already");
  options->break_even.add_to(*command);
  options->report.add_to(*command);
  options->report.add_svg_to(*command);
  command->footer("Example: deltahop calibrate squeezenet1_0 --html break_even.html");
  command->callback([options, &surroundings] { calibrate(*options, surroundings); });
}

}  // namespace deltahop
