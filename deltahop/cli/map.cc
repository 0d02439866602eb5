// SPDX-License-Identifier: Apache-2.0
// deltahop map: the best loop nest of every layer on an array of processing elements.
#include <algorithm>
#include <map>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "deltahop/base/error.h"
#include "deltahop/base/files.h"
#include "deltahop/cli/map_job.h"
#include "deltahop/cli/map_sweep.h"
#include "deltahop/cli/reporting.h"

namespace deltahop {
namespace {

std::optional<MappingFile> given_of(const MapJob& job) {
  if (job.given.empty()) return std::nullopt;
  const Config config = Config::from_file(job.given);
  MappingFile file = read_mappings(config);
  config.finish();
  if (file.batch != job.batch)
    throw Error(config.place("batch"), fmt::format("the mappings are for a batch of {}", file.batch),
                fmt::format("give --batch {}", file.batch));
  // With --layer the others of the file are not asked for.
  if (!job.layer.empty())
    std::erase_if(file.mappings, [&](const NamedMapping& named) { return named.layer != job.layer; });
  return file;
}

void save(const MapReportSources& sources, const std::string& path, const Console& console) {
  if (path.empty()) return;
  MappingFile file{sources.batch, {}};
  for (size_t l = 0; l < sources.layers.size(); ++l)
    file.mappings.push_back({sources.layers[l].name, "", sources.results[0][l].mapping});
  write_file(path, to_yaml(file));
  console.note(fmt::format("wrote {}", path));
}

void show(const Findings& findings, const std::string& text, const MapJob& job, std::string csv_name,
          const Surroundings& surroundings) {
  emit({.name = "map",
        .csv_name = std::move(csv_name),
        .html = [&] { return to_html(findings); },
        .json = [&] { return to_json(findings); },
        .csv = [&] { return to_csv(findings); },
        .text = [&] { return text; }},
       job.report, surroundings.console);
}

void run_map(const MapJob& job, Surroundings& surroundings) {
  if (!job.sweep.empty()) {
    const Findings findings = run_map_sweep(job, surroundings);
    return show(findings, to_text(findings, style_of(surroundings.console)), job, "sweep", surroundings);
  }
  MapReportSources sources;
  sources.network = job.network.network;
  sources.batch = job.batch;
  sources.objective = job.objective;
  sources.chips = chips_of(job);
  const Network network = network_of(job);
  sources.layers = layers_of(job, network, job.batch);
  const std::optional<MappingFile> given = given_of(job);
  const int threads = job.network.thread_count();
  require_zeros(job, sources.chips);
  sources.notes = find_zeros(job.zeros, network, threads, sources.layers, surroundings.console);
  sources.results =
      map_layers(sources.layers, sources.chips,
                 {.objective = job.objective, .given = given ? &*given : nullptr, .threads = threads},
                 surroundings.console.progress());
  surroundings.console.clear_progress();
  save(sources, job.save, surroundings.console);
  sources.provenance = provenance_of(surroundings);
  sources.provenance.threads = threads;
  for (const ArrayChip& chip : sources.chips)
    sources.provenance.configurations.emplace_back(chip.name, chip.resolved);
  Findings findings = map_findings(sources);
  const std::string text =
      to_text(findings, style_of(surroundings.console)) + (job.layer.empty() ? "" : nests_text(sources, 0));
  if (!job.layer.empty()) findings.tables.push_back(nests_table(sources, 0));
  show(findings, text, job, "layers", surroundings);
}

void add_options(CLI::App& command, MapJob& options) {
  options.network.add_to(command);
  options.sizes.add_to(command);
  command
      .add_option(
          "--arch", options.architectures,
          "Architectures from 'deltahop list architectures' or YAML files, comma separated: rs,ws,nlr; "
          "docs/mapping_yaml.md has the form")
      ->delimiter(',')
      ->capture_default_str();
  command.add_option("--bypass", options.bypass,
                     "What may pass by a storage level of all architectures where that costs less: "
                     "buffer:weights, or buffer:weights,inputs");
  command.add_option("--set", options.settings, "Change a value of all architectures: buffer.capacity=64KiB");
  command
      .add_option(
          "--costs,--technology", options.costs,
          "Costs of accesses: tables from 'deltahop list architectures' or YAML files, comma separated; "
          "all: every one in picojoules")
      ->delimiter(',');
  command
      .add_option("--sparsity", options.sparsity,
                  "What is made of zeros: ways from 'deltahop list architectures' or YAML files, comma "
                  "separated: dense,gated,compressed")
      ->delimiter(',');
  command.add_option("--batch", options.batch, "Inputs at once; weights are used again for each")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  static const std::map<std::string, Objective> kObjectives = {
      {"energy", Objective::energy}, {"latency", Objective::cycles}, {"edp", Objective::energy_delay}};
  command
      .add_option("--objective", options.objective,
                  "energy; latency: cycles, then energy; edp: energy times cycles of each layer")
      ->transform(CLI::CheckedTransformer(kObjectives).description("energy, latency or edp"))
      ->default_str("energy");
  command.add_option("--layer", options.layer, "Only this layer, with its loops nested as they run");
  command.add_option("--save", options.save, "A file for the mappings, to edit and to count again");
  command.add_option("--mapping", options.given,
                     "Count these mappings; layers that the file leaves out are searched");
  options.zeros.add_to(command);
  CLI::Option* const sweep = command.add_option(
      "--sweep", options.sweep,
      "Map at each of several values: glb=64..512KiB (doubling), glb=64..512KiB:7 (7 steps), "
      "glb=64KiB,96KiB; also "
      "rf=, pes=8x8,16x16, batch=, bandwidth=1..16 (bytes a cycle); again for every combination");
  for (const char* const other : {"--save", "--mapping"}) sweep->excludes(command.get_option(other));
}

}  // namespace

void add_map(CLI::App& program, Surroundings& surroundings) {
  CLI::App* command = program.add_subcommand("map",
                                             "The best loop nest of every layer on an array of processing "
                                             "elements, proven: energy by place and data");
  auto options = std::make_shared<MapJob>();
  add_options(*command, *options);
  options->report.add_to(*command);
  command->footer(
      "A mapping says in which chunks a layer's loops (N K C P Q R S, G for groups) walk through DRAM, "
      "buffer and\n"
      "elements, and which of them are spread over the array. All that the architecture allows are "
      "searched;\n"
      "what is printed is the best of them, beside a bound that no mapping can go below.\n\n"
      "Examples:\n"
      "  deltahop map alexnet --arch rs,ws,os_a,os_b,os_c,nlr --batch 16 --html map.html\n"
      "  deltahop map alexnet --batch 16 --layer conv3 --save conv3.yaml\n"
      "  deltahop map alexnet --batch 16 --layer conv3 --mapping conv3.yaml\n"
      "  deltahop map alexnet --batch 4 --sweep glb=64..512KiB --sweep pes=8x8,16x16 --html sweep.html\n"
      "  deltahop map alexnet --sparsity dense,gated,compressed --density inputs=0.4,outputs=0.4");
  command->callback([options, &surroundings] { run_map(*options, surroundings); });
}

}  // namespace deltahop
