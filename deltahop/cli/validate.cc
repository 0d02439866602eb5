// SPDX-License-Identifier: Apache-2.0
// deltahop validate: every published figure of a chip beside ours, each computed now by the same code as
// 'simulate'. The figures are data: accelerators/<chip>/published.yaml.
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "deltahop/cli/layer_cases.h"
#include "deltahop/cli/recurrent_simulation.h"
#include "deltahop/cli/reporting.h"
#include "deltahop/cli/simulation.h"
#include "deltahop/cli/validation.h"
#include "deltahop/compress/fold.h"
#include "deltahop/io/load.h"
#include "deltahop/report/csv.h"
#include "deltahop/report/html.h"
#include "deltahop/report/json.h"
#include "deltahop/report/text.h"

namespace deltahop {
namespace {

// One entry of published.yaml.
struct Figure {
  PublishedFigure published;
  std::string trust, metric, network, layer_name, dram;
  std::optional<ConvolutionShape> layer;
  std::optional<SyntheticStack> recurrent;
  bool pool = false;
  double core_tops_per_watt = 0;  // published, for tops_per_watt_with_dram; 0: ours
  double density = 1.0;
  int64_t seed = 1;
  std::vector<std::string> settings;
  std::vector<std::string> cases;  // in place of a network or a layer
};

ConvolutionShape read_layer(const Config& config) {
  ConvolutionShape shape;
  shape.in_channels = config.integer("in_channels");
  shape.out_channels = config.integer("out_channels");
  shape.kernel_rows = shape.kernel_columns = config.integer("kernel");
  shape.in_rows = config.integer("in_rows");
  shape.in_columns = config.integer("in_columns", shape.in_rows);
  shape.pad_top = shape.pad_left = config.integer("pad", 0);
  shape.out_rows = shape.in_rows + 2 * shape.pad_top - shape.kernel_rows + 1;
  shape.out_columns = shape.in_columns + 2 * shape.pad_left - shape.kernel_columns + 1;
  return shape;
}

Figure read_figure(const Config& config) {
  Figure figure;
  figure.published.name = config.text("name");
  figure.published.theirs = config.number("value");
  figure.published.unit = config.text("unit", "");
  figure.published.tolerance_fraction = config.number("tolerance", 0);
  figure.published.source = config.text("source");
  figure.published.note = config.text("note", "");
  figure.trust = config.choice("trust", {"published", "derived", "exact", "reported"}, "published");
  figure.metric = config.text("metric");
  figure.network = config.text("network", "");
  figure.layer_name = config.text("of_layer", "");
  figure.dram = config.text("dram", "");
  figure.core_tops_per_watt = config.number("core_tops_per_watt", 0);
  if (config.has("layer")) {
    const Config layer = config.section("layer");
    figure.layer = read_layer(layer);
    figure.pool = layer.boolean("pool", false);
  }
  figure.density = config.number("density", 1.0);
  figure.seed = config.integer("seed", 1);
  if (config.has("recurrent")) {
    const Config stack = config.section("recurrent");
    figure.recurrent = {.inputs = stack.integer("inputs"),
                        .units = stack.integer("units"),
                        .layers = stack.integer("layers", 1),
                        .steps = stack.integer("steps", 1000),
                        .density = figure.density,
                        .seed = static_cast<uint64_t>(figure.seed)};
  }
  if (config.has("cases")) figure.cases = config.texts("cases");
  if (config.has("settings")) figure.settings = config.texts("settings");
  return figure;
}

// A network of one layer; its weights are never looked at.
Network one_layer_network(const ConvolutionShape& shape, bool pool) {
  NetworkBuilder builder("layer");
  const ValueId input =
      builder.input("input", DataType::float32, {1, shape.in_channels, shape.in_rows, shape.in_columns});
  const ValueId weights = builder.constant(
      "weights", Tensor(DataType::float32,
                        {shape.out_channels, shape.in_channels, shape.kernel_rows, shape.kernel_columns}));
  const std::vector<int64_t> pads(4, shape.pad_top);
  ValueId value = builder.node("Conv", "layer", {input, weights}, {{"pads", pads}})[0];
  value = builder.node("Relu", "relu", {value})[0];
  const std::vector<int64_t> two = {2, 2};
  if (pool) value = builder.node("MaxPool", "pool", {value}, {{"kernel_shape", two}, {"strides", two}})[0];
  builder.output(value);
  return builder.build();
}

// Simulations shared by several figures: one for each network, density, seed and settings.
class Simulations {
 public:
  Simulations(Surroundings& surroundings, std::string chip)
      : surroundings_(surroundings), chip_name_(std::move(chip)) {}

  struct Run {
    std::unique_ptr<Accelerator> chip;
    std::unique_ptr<Technology> technology;
    SimulationResult result;
    Report report;
  };
  const Run& of(const Figure& figure) {
    const std::string key = fmt::format("{}|{}|{}|{}|{}", figure.network,
                                        figure.layer || figure.recurrent ? figure.published.name : "",
                                        figure.density, figure.seed, fmt::join(figure.settings, "|"));
    auto& run = runs_[key];
    if (!run) run = make(figure);
    return *run;
  }

 private:
  std::unique_ptr<Run> make(const Figure& figure) {
    auto run = std::make_unique<Run>();
    run->chip = make_accelerator(chip_name_, figure.settings);
    run->technology = std::make_unique<Technology>(load_technology(run->chip->architecture().technology));
    ReportSources sources;
    std::optional<Network> network;
    if (figure.recurrent) {
      run->result = simulate_synthetic_stack(*figure.recurrent, *run->chip);
    } else {
      network = figure.layer ? one_layer_network(*figure.layer, figure.pool)
                             : bound_to_one(folded(load_network(figure.network)));
      run->result = simulate_synthetic(*network, figure.density, static_cast<uint64_t>(figure.seed),
                                       *run->chip, {.with_sizes = false}, surroundings_.console.progress());
      sources.network = &*network;
    }
    sources.command = "validate";
    sources.network_source = figure.network;
    sources.result = &run->result;
    sources.chip = run->chip.get();
    sources.technology = run->technology.get();
    run->report = report_of(surroundings_, sources);
    return run;
  }

  Surroundings& surroundings_;
  std::string chip_name_;
  std::map<std::string, std::unique_ptr<Run>> runs_;
};

double mapping_figure(const Simulations::Run& run, const Figure& figure) {
  for (const StagePlan& plan : run.result.plans) {
    if (!plan.workload || (!figure.layer_name.empty() && plan.name != figure.layer_name)) continue;
    for (const auto& [name, value] : run.chip->mapping_figures(*plan.workload)) {
      if (name == figure.metric) return value;
    }
  }
  throw Error("published.yaml",
              fmt::format("'{}' of layer '{}' is not known", figure.metric, figure.layer_name));
}

// The core's part is ours, or follows from a published efficiency of the core where the figure gives one.
double energy_with_dram(const Report& report, const Figure& figure, double operations) {
  const Totals totals = totals_of(report);
  DELTAHOP_CHECK(totals.energy->has_core || figure.core_tops_per_watt > 0);
  const double core_pJ =
      figure.core_tops_per_watt > 0 ? operations / figure.core_tops_per_watt : totals.energy->core_pJ();
  const std::string& dram = figure.dram;
  for (const DramEnergy& cost : totals.energy->dram_costs) {
    if (cost.name == dram) return core_pJ + cost.energy_pJ;
  }
  throw Error("published.yaml", fmt::format("the technology has no DRAM cost '{}'", dram));
}

double ours_of(Simulations& simulations, const Figure& figure) {
  const Simulations::Run& run = simulations.of(figure);
  const Totals totals = totals_of(run.report);
  const Architecture& chip = run.chip->architecture();
  using Metric = std::function<double()>;
  const auto cycles = [&] { return static_cast<double>(totals.stats.value().cycles().number()); };
  const auto dense = [&] { return static_cast<double>(totals.stats.value().dense_macs()); };
  const std::map<std::string, Metric> metrics = {
      {"macs_per_compute_cycle",
       [&] { return dense() / static_cast<double>(totals.stats.value().cycles(Phase::compute).number()); }},
      {"macs_per_cycle", [&] { return dense() / cycles(); }},
      {"efficiency", [&] { return dense() / cycles() / static_cast<double>(chip.multipliers); }},
      {"effective_gops", [&] { return 2e-9 * dense() / cycles() * chip.clock.number(); }},
      {"frames_per_second", [&] { return chip.clock.number() / cycles(); }},
      {"step_latency_us", [&] { return 1e6 * totals.latency.value().number(); }},
      {"fetch_reduction", [&] { return dense() / static_cast<double>(totals.stats.value().macs_done); }},
      {"gain",
       [&] {
         Figure everything = figure;
         everything.recurrent.value().density = everything.density = 1;
         return totals_of(simulations.of(everything).report).latency.value().number() /
                totals.latency.value().number();
       }},
      {"peak_gops", [&] { return 2e-9 * static_cast<double>(chip.multipliers) * chip.clock.number(); }},
      {"core_area", [&] { return chip.core_area.number(); }},
      {"core_tops_per_watt", [&] { return 2 * dense() / totals.energy.value().core_pJ(); }},
      {"tops_per_watt_with_dram",
       [&] { return 2 * dense() / energy_with_dram(run.report, figure, 2 * dense()); }},
      {"dram_traffic_bits",
       [&] {
         const Traffic traffic = totals.stats.value().at(MemoryLevel::dram);
         return static_cast<double>((traffic.read + traffic.written).number());
       }},
  };
  const auto found = metrics.find(figure.metric);
  return found != metrics.end() ? found->second() : mapping_figure(run, figure);
}

}  // namespace

std::vector<PublishedFigure> validate_chip(const std::string& chip, Surroundings& surroundings) {
  const std::string path = fmt::format("{}/published.yaml", chip);
  const Config config = Config::from_text(embedded_accelerator_file(path), path);
  std::vector<Figure> figures;
  for (const Config& entry : config.list("figures")) figures.push_back(read_figure(entry));
  CaseRuns cases(chip, read_layer_cases(config));
  config.finish();
  Simulations simulations(surroundings, chip);
  std::vector<PublishedFigure> results;
  for (Figure& figure : figures) {
    PublishedFigure& published = figure.published;
    published.ours = figure.cases.empty() ? ours_of(simulations, figure)
                                          : cases.figure(figure.cases, figure.settings, figure.metric);
    published.verdict = figure.trust == "reported"
                            ? "reported only"
                            : verdict_of(published.ours, published.theirs, published.tolerance_fraction);
    if (figure.trust == "derived") published.source += " (derived)";
    results.push_back(published);
  }
  return results;
}

namespace {

// The layers behind the figures, one by one.
void show_cases(const std::string& chip, const ReportOptions& report, Surroundings& surroundings) {
  const std::string path = fmt::format("{}/published.yaml", chip);
  const Config config = Config::from_text(embedded_accelerator_file(path), path);
  std::vector<LayerCase> cases = read_layer_cases(config);
  if (cases.empty()) throw Error("--cases", fmt::format("the figures of '{}' have no cases", chip));
  Findings findings;
  findings.title = fmt::format("Layers behind the figures of {}", chip);
  findings.command = "validate";
  findings.tables.push_back(CaseRuns(chip, std::move(cases)).table());
  findings.provenance = provenance_of(surroundings);
  TextOptions style = style_of(surroundings.console);
  style.cut = false;
  emit({.name = "cases",
        .csv_name = "cases",
        .html = [&] { return to_html(findings); },
        .json = [&] { return to_json(findings); },
        .csv = [&] { return to_csv(findings); },
        .text = [&] { return to_text(findings, style); }},
       report, surroundings.console);
}

}  // namespace

void add_validate(CLI::App& program, Surroundings& surroundings) {
  CLI::App* command = program.add_subcommand(
      "validate", "Every published figure of a chip beside ours, computed now, with source and tolerance");
  struct Options {
    std::string chip;
    bool cases = false;
    ReportOptions report;
  };
  auto options = std::make_shared<Options>();
  command->add_option("chip", options->chip, "A chip from 'deltahop list chips'; all where none is named");
  command
      ->add_flag("--cases", options->cases,
                 "In place of the figures: the single layers that they were computed from")
      ->needs(command->get_option("chip"));
  options->report.add_to(*command);
  command->callback([options, &surroundings] {
    Report report;
    report.command = "validate";
    report.title = "Published figures beside ours";
    std::vector<std::string> known;
    for (const AcceleratorKind& kind : accelerator_kinds()) known.push_back(kind.name);
    if (!options->chip.empty() && std::find(known.begin(), known.end(), options->chip) == known.end()) {
      throw Error("validate", fmt::format("'{}' is no chip", options->chip), suggest(options->chip, known));
    }
    if (options->cases) {
      show_cases(options->chip, options->report, surroundings);
      return;
    }
    for (const std::string& chip : known) {
      if (!options->chip.empty() && options->chip != chip) continue;
      for (PublishedFigure& figure : validate_chip(chip, surroundings))
        report.published.push_back(std::move(figure));
    }
    report.provenance = provenance_of(surroundings);
    // Even in a narrow terminal: a figure whose name is cut cannot be told from its neighbours.
    TextOptions style = style_of(surroundings.console);
    style.cut = false;
    emit({.name = "report",
          .csv_name = "published",
          .html = [&] { return to_html(report); },
          .json = [&] { return to_json(report); },
          .csv = [&] { return published_csv(report.published); },
          .text = [&] { return published_text(report.published, style); }},
         options->report, surroundings.console);
    const auto differs = [](const PublishedFigure& figure) { return figure.verdict == "differs"; };
    if (std::any_of(report.published.begin(), report.published.end(), differs)) surroundings.exit_code = 1;
  });
}

}  // namespace deltahop
