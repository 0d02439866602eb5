// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/reporting.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "deltahop/base/files.h"
#include "deltahop/base/version.h"
#include "deltahop/network/stage.h"
#include "deltahop/report/csv.h"
#include "deltahop/report/html.h"
#include "deltahop/report/json.h"
#include "deltahop/report/text.h"
#include "deltahop/simulate/energy.h"

namespace deltahop {
namespace {

std::string now_text() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

Provenance full_provenance(const Surroundings& surroundings, const ReportSources& sources) {
  Provenance provenance = provenance_of(surroundings);
  provenance.seed = sources.seed;
  provenance.threads = sources.threads;
  provenance.configurations = sources.configurations;
  if (sources.inputs != nullptr) {
    provenance.input = sources.inputs->description();
    provenance.configurations.emplace_back("preprocessing", to_text(sources.inputs->preprocessing()));
  }
  if (sources.chip != nullptr)
    provenance.configurations.emplace_back("chip", sources.chip->resolved_configuration());
  if (sources.technology != nullptr)
    provenance.configurations.emplace_back("technology", sources.technology->resolved);
  return provenance;
}

std::string kind_text(const StagePlan& plan) {
  if (!plan.workload) return plan.operator_name;
  std::string text = to_text(plan.workload->workload);
  if (plan.workload->relu) text += ", ReLU";
  if (plan.workload->pooling) {
    const Pooling& pool = *plan.workload->pooling;
    text += fmt::format(", {} pool {}x{}/{}", pool.kind == Pooling::Kind::max ? "max" : "average", pool.rows,
                        pool.columns, pool.stride_rows);
  }
  return text;
}

EncodedSizes sizes_of(const SizeSums& sums, int64_t count) {
  const auto mean = [count](double bits) { return bits / static_cast<double>(count); };
  EncodedSizes sizes;
  sizes.dense_bits = mean(static_cast<double>(sums.dense.number()));
  sizes.sparsity_map_bits = mean(static_cast<double>(sums.sparsity_map.number()));
  sizes.run_length_bits = mean(static_cast<double>(sums.run_length.number()));
  sizes.csc_bits = mean(static_cast<double>(sums.csc.number()));
  sizes.entropy_bits = mean(sums.entropy_bits);
  return sizes;
}

NumericError error_of(const ErrorSums& sums) {
  NumericError error;
  error.largest = sums.largest;
  error.root_mean_square = std::sqrt(sums.squared_error / static_cast<double>(sums.values));
  if (sums.squared_error > 0 && sums.squared_signal > 0)
    error.signal_to_noise_dB = 10 * std::log10(sums.squared_signal / sums.squared_error);
  return error;
}

void describe_stage(LayerRow& row, const StagePlan& plan, const ReportSources& sources) {
  row.name = plan.name;
  row.kind = kind_text(plan);
  row.input_shape = plan.input_shape;
  row.output_shape = plan.output_shape;
  row.input_format = plan.input_format;
  row.weight_format = plan.weight_format;
  row.output_format = plan.output_format;
  if (plan.workload) {
    row.macs = plan.workload->workload.macs();
    row.weights = plan.workload->workload.weights();
  }
  row.nonzero_weights = plan.nonzero_weights;
  if (plan.weight_sizes.dense.number() > 0) row.weight_size = sizes_of(plan.weight_sizes, 1);
  if (sources.chip == nullptr) return;
  row.placement = std::string(name_of(plan.support.placement));
  row.reason = plan.support.reason;
  if (!plan.support.host_part.empty())
    row.reason += fmt::format("{}{} on the host", row.reason.empty() ? "" : "; ", plan.support.host_part);
  if (plan.support.placement != Placement::host) row.mapping = sources.chip->mapping_text(*plan.workload);
}

void add_measurements(LayerRow& row, const StageTotals& totals, const ReportSources& sources) {
  const StageRecord& sum = totals.sum;
  if (!totals.input_density.empty()) row.input_density = statistics_of(totals.input_density);
  if (!totals.output_density.empty()) row.output_density = statistics_of(totals.output_density);
  if (sum.macs.dense > 0) row.nonzero_macs = sum.macs.nonzero;
  if (sum.input_sizes.dense.number() > 0) row.input_size = sizes_of(sum.input_sizes, totals.inputs);
  if (sum.error.values > 0) row.error = error_of(sum.error);
  row.saturated = sum.saturated;
  if (sum.compared > 0) {
    row.compared = sum.compared;
    row.mismatches = sum.mismatches;
  }
  if (sum.stats.dense_macs() > 0) {
    row.stats = sum.stats;
    if (sources.technology != nullptr)
      row.energy = energy_of(sum.stats, sources.chip->architecture(), *sources.technology);
  }
}

// The graph of stages: an edge where a stage's node reads a value that another stage makes.
NetworkGraph graph_of(const Network& network, const SimulationResult& result) {
  NetworkGraph graph;
  std::map<ValueId, int> maker;
  for (const NetworkInput& input : network.inputs()) {
    maker[input.value] = static_cast<int>(graph.nodes.size());
    graph.nodes.push_back({network.value(input.value).name, "input", "", -1});
  }
  const std::vector<Stage> stages = find_stages(network);
  for (size_t i = 0; i < stages.size(); ++i) {
    const int self = static_cast<int>(graph.nodes.size());
    const StagePlan& plan = result.plans[i];
    std::string kind = plan.operator_name;
    if (plan.workload && plan.workload->workload.kind == WorkloadKind::convolution) {
      kind += fmt::format(" {}x{}", plan.workload->workload.shape.kernel_rows,
                          plan.workload->workload.shape.kernel_columns);
    }
    graph.nodes.push_back(
        {plan.name, kind,
         std::string(plan.workload || !result.stages.empty() ? name_of(plan.support.placement) : ""),
         static_cast<int>(i)});
    for (const size_t n : stages[i].nodes) {
      for (const ValueId id : network.nodes()[n].inputs) {
        const auto found = maker.find(id);
        if (id != kNoValue && found != maker.end() && found->second != self)
          graph.edges.push_back({found->second, self});
      }
      for (const ValueId id : network.nodes()[n].outputs) {
        if (id != kNoValue) maker[id] = self;
      }
    }
  }
  for (const ValueId output : network.outputs()) {
    const auto found = maker.find(output);
    if (found == maker.end()) continue;
    graph.edges.push_back({found->second, static_cast<int>(graph.nodes.size())});
    graph.nodes.push_back({network.value(output).name, "output", "", -1});
  }
  return graph;
}

std::optional<Accuracy> accuracy_of(const AccuracyCounts& counts) {
  if (counts.inputs == 0 || (counts.labelled == 0 && !(counts.has_float && counts.has_integer)))
    return std::nullopt;
  Accuracy accuracy;
  accuracy.labelled = counts.labelled;
  const auto share = [](int64_t part, int64_t whole) {
    return static_cast<double>(part) / static_cast<double>(whole);
  };
  if (counts.labelled > 0 && counts.has_float) {
    accuracy.float_top1_fraction = share(counts.float_top1, counts.labelled);
    accuracy.float_top5_fraction = share(counts.float_top5, counts.labelled);
  }
  if (counts.labelled > 0 && counts.has_integer) {
    accuracy.integer_top1_fraction = share(counts.integer_top1, counts.labelled);
    accuracy.integer_top5_fraction = share(counts.integer_top5, counts.labelled);
  }
  if (counts.has_float && counts.has_integer)
    accuracy.agreement_fraction = share(counts.agreeing, counts.inputs);
  return accuracy;
}

// The layers' own counts stand in their rows; what is left are values of the inputs.
std::string saturation_note(const SimulationResult& result) {
  int64_t of_inputs = *result.saturated;
  for (const StageTotals& stage : result.stages) of_inputs -= stage.sum.saturated.value_or(0);
  return fmt::format(
      "{} integer results did not fit their format and were saturated (negative sums that ReLU sets to zero "
      "anyway among them{})",
      *result.saturated, of_inputs > 0 ? fmt::format(", and {} values of the inputs", of_inputs) : "");
}

void add_energy_uncertainties(Report& report) {
  const auto energy = totals_of(report).energy;
  if (!energy) return;
  if (!energy->not_modelled.empty())
    report.uncertainties.push_back(fmt::format("energy without {}", fmt::join(energy->not_modelled, ", ")));
  if (energy->dram_costs.empty()) return;
  const auto [low, high] =
      std::minmax_element(energy->dram_costs.begin(), energy->dram_costs.end(),
                          [](const DramEnergy& a, const DramEnergy& b) { return a.energy_pJ < b.energy_pJ; });
  report.uncertainties.push_back(
      fmt::format("DRAM energy is bits times a flat cost, without rows, banks and refresh; listed costs "
                  "reach from {} to {} pJ/bit",
                  low->cost_pJ_per_bit, high->cost_pJ_per_bit));
}

}  // namespace

Provenance provenance_of(const Surroundings& surroundings) {
  Provenance provenance;
  provenance.command_line = fmt::format("{}", fmt::join(surroundings.command_line, " "));
  provenance.version = std::string(kVersion);
  provenance.compiler = __VERSION__;
  provenance.date = now_text();
  return provenance;
}

Report report_of(const Surroundings& surroundings, const ReportSources& sources) {
  const SimulationResult& result = *sources.result;
  Report report;
  report.command = sources.command;
  report.provenance = full_provenance(surroundings, sources);
  report.network.name = sources.network != nullptr ? sources.network->name() : sources.network_source;
  report.network.source = sources.network_source;
  report.title = report.network.name;
  report.inputs = result.inputs;
  report.notes = sources.notes;
  if (sources.chip != nullptr) {
    report.chip = sources.chip->architecture();
    report.title += fmt::format(" on {}", report.chip->name);
  }
  if (sources.chip != nullptr) report.uncertainties = sources.chip->uncertainties();
  for (size_t i = 0; i < result.plans.size(); ++i) {
    LayerRow row;
    describe_stage(row, result.plans[i], sources);
    if (result.inputs > 0 && i < result.stages.size()) add_measurements(row, result.stages[i], sources);
    report.network.macs += row.macs;
    report.network.weights += row.weights;
    report.layers.push_back(std::move(row));
  }
  if (sources.network != nullptr) {
    if (!sources.network->inputs().empty()) {
      const Value& input = sources.network->value(sources.network->inputs()[0].value);
      if (input.shape) report.network.input_shape = to_text(*input.shape);
    }
    const auto& metadata = sources.network->metadata();
    if (const auto found = metadata.find("citation"); found != metadata.end())
      report.network.citation = found->second;
    report.graph = graph_of(*sources.network, result);
  }
  add_published_counts(report.network);
  add_energy_uncertainties(report);
  report.accuracy = accuracy_of(result.accuracy);
  if (result.saturated) report.notes.push_back(saturation_note(result));
  return report;
}

void emit(const Renderings& renderings, const ReportOptions& options, const Console& console) {
  const auto write = [&](const std::string& path, const std::function<std::string()>& make) {
    if (path.empty()) return;
    write_file(path, make());
    console.note(fmt::format("wrote {}", path));
  };
  if (!options.output.empty()) {
    const std::filesystem::path folder(options.output);
    write((folder / (renderings.name + ".html")).string(), renderings.html);
    write((folder / (renderings.name + ".json")).string(), renderings.json);
    write((folder / (renderings.csv_name + ".csv")).string(), renderings.csv);
  }
  write(options.html, renderings.html);
  write(options.json_file, renderings.json);
  write(options.csv, renderings.csv);
  write(options.svg, renderings.svg);
  console.print(options.json ? renderings.json() + "\n" : renderings.text());
}

TextOptions style_of(const Console& console) {
  return {
      .width = console.width(), .cut = console.is_terminal(), .colour = console.colour(), .unicode = true};
}

void emit(const Report& report, const ReportOptions& options, const Console& console) {
  const TextOptions style = style_of(console);
  emit({.name = "report",
        .csv_name = "layers",
        .html = [&] { return to_html(report); },
        .json = [&] { return to_json(report); },
        .csv = [&] { return to_csv(report); },
        .text = [&] { return to_text(report, style); }},
       options, console);
}

}  // namespace deltahop
