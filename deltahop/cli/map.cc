// SPDX-License-Identifier: Apache-2.0
// deltahop map: the best loop nest of every layer on an array of processing elements.
#include <algorithm>
#include <map>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "deltahop/base/error.h"
#include "deltahop/base/files.h"
#include "deltahop/cli/map_findings.h"
#include "deltahop/cli/map_zeros.h"
#include "deltahop/cli/reporting.h"
#include "deltahop/compress/fold.h"

namespace deltahop {
namespace {

struct MapCommandOptions {
  NetworkOptions network;
  SizeOptions sizes;
  std::vector<std::string> architectures = {"rs"}, settings, costs, sparsity;
  std::string layer, save, given;
  MapZerosOptions zeros;
  Objective objective = Objective::energy;
  int64_t batch = 1;
  ReportOptions report;
};

// What the command line gives in several forms makes an architecture of each, told apart by its name.
template <class Change>
void multiply(std::vector<ArrayChip>& chips, const std::vector<std::string>& words, Change&& change) {
  if (words.empty()) return;
  std::vector<ArrayChip> result;
  for (const ArrayChip& chip : chips) {
    for (const std::string& word : words) {
      result.push_back(chip);
      change(result.back(), word);
    }
  }
  chips = std::move(result);
}

// "all" stands for every shipped table in picojoules, the measured chip's first: the others stand against it.
std::vector<std::string> tables_of(const std::vector<std::string>& words) {
  constexpr std::string_view kFirst = "eyeriss_65nm";
  std::vector<std::string> names;
  for (const std::string& word : words) {
    names.emplace_back(word == "all" ? kFirst : word);
    for (const std::string& name : word == "all" ? access_cost_names() : std::vector<std::string>{}) {
      if (name != kFirst && load_access_costs(name).unit == "pJ") names.push_back(name);
    }
  }
  return names;
}

std::vector<ArrayChip> chips_of(const MapCommandOptions& options) {
  std::vector<ArrayChip> chips;
  for (const std::string& name : options.architectures)
    chips.push_back(load_array_chip(name, options.settings));
  multiply(chips, options.sparsity, [](ArrayChip& chip, const std::string& word) {
    chip.sparsity = load_sparsity(word);
    chip.name += " " + chip.sparsity.name;
  });
  const std::vector<std::string> tables = tables_of(options.costs);
  multiply(chips, tables, [&](ArrayChip& chip, const std::string& word) {
    chip.costs = load_access_costs(word);
    if (tables.size() > 1) chip.name += " " + chip.costs.name;
  });
  for (size_t i = 0; i < chips.size(); ++i) {
    const bool is_double = std::any_of(chips.begin(), chips.begin() + static_cast<std::ptrdiff_t>(i),
                                       [&](const ArrayChip& other) { return other.name == chips[i].name; });
    if (is_double) throw Error("--arch", fmt::format("'{}' stands twice", chips[i].name));
    if (chips[i].costs.unit != chips[0].costs.unit)
      throw Error("--arch",
                  fmt::format("costs of '{}' are in {} and those of '{}' in {}", chips[0].name,
                              chips[0].costs.unit, chips[i].name, chips[i].costs.unit),
                  "--costs puts one table under all");
  }
  const auto needs_one = [&](const std::string& option, const std::string& value) {
    if (!value.empty() && chips.size() > 1)
      throw Error(option, "holds the mappings of one architecture", "name one with --arch");
  };
  needs_one("--save", options.save);
  needs_one("--mapping", options.given);
  return chips;
}

std::vector<LayerToMap> layers_of(const MapCommandOptions& options, const Network& network) {
  std::vector<LayerToMap> layers = layers_to_map(network, options.batch);
  if (layers.empty()) throw Error(options.network.network, "has no layer that multiplies");
  if (options.layer.empty()) return layers;
  std::vector<std::string> names;
  for (const LayerToMap& layer : layers) names.push_back(layer.name);
  const auto place = std::find(names.begin(), names.end(), options.layer);
  if (place == names.end())
    throw Error("--layer", fmt::format("no layer that multiplies is called '{}'", options.layer),
                suggest(options.layer, names));
  return {layers[static_cast<size_t>(place - names.begin())]};
}

std::optional<MappingFile> given_of(const MapCommandOptions& options) {
  if (options.given.empty()) return std::nullopt;
  const Config config = Config::from_file(options.given);
  MappingFile file = read_mappings(config);
  config.finish();
  if (file.batch != options.batch)
    throw Error(config.place("batch"), fmt::format("the mappings are for a batch of {}", file.batch),
                fmt::format("give --batch {}", file.batch));
  // With --layer the others of the file are not asked for.
  if (!options.layer.empty())
    std::erase_if(file.mappings, [&](const NamedMapping& named) { return named.layer != options.layer; });
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

// Zeros that nobody knows, or that no chip uses, are a mistake on the command line; a chip that could use
// them is counted dense.
void require_zeros(const MapCommandOptions& options, const std::vector<ArrayChip>& chips) {
  const auto uses = [](const ArrayChip& chip) { return chip.sparsity.uses_zeros(); };
  const bool any = std::any_of(chips.begin(), chips.end(), uses);
  if (any && !options.zeros.given() && !options.sparsity.empty())
    throw Error("--sparsity", "there are no zeros to use",
                "give --density, or --input for those of real inputs");
  if (!any && options.zeros.given())
    throw Error("--density, --input", "do nothing: no architecture here makes use of zeros",
                "add --sparsity dense,gated,compressed, or a 'sparsity' section to the architecture");
}

void run_map(const MapCommandOptions& options, Surroundings& surroundings) {
  MapReportSources sources;
  sources.network = options.network.network;
  sources.batch = options.batch;
  sources.objective = options.objective;
  sources.chips = chips_of(options);
  const Network network = options.sizes.bound(folded(options.network.load()));
  sources.layers = layers_of(options, network);
  const std::optional<MappingFile> given = given_of(options);
  const int threads = options.network.thread_count();
  require_zeros(options, sources.chips);
  sources.notes = find_zeros(options.zeros, network, threads, sources.layers, surroundings.console);
  sources.results =
      map_layers(sources.layers, sources.chips,
                 {.objective = options.objective, .given = given ? &*given : nullptr, .threads = threads},
                 surroundings.console.progress());
  surroundings.console.clear_progress();
  save(sources, options.save, surroundings.console);
  sources.provenance = provenance_of(surroundings);
  sources.provenance.threads = threads;
  for (const ArrayChip& chip : sources.chips)
    sources.provenance.configurations.emplace_back(chip.name, chip.resolved);
  Findings findings = map_findings(sources);
  const std::string text = to_text(findings, style_of(surroundings.console)) +
                           (options.layer.empty() ? "" : nests_text(sources, 0));
  if (!options.layer.empty()) findings.tables.push_back(nests_table(sources, 0));
  emit({.name = "map",
        .csv_name = "layers",
        .html = [&] { return to_html(findings); },
        .json = [&] { return to_json(findings); },
        .csv = [&] { return to_csv(findings); },
        .text = [&] { return text; }},
       options.report, surroundings.console);
}

void add_options(CLI::App& command, MapCommandOptions& options) {
  options.network.add_to(command);
  options.sizes.add_to(command);
  command
      .add_option(
          "--arch", options.architectures,
          "Architectures from 'deltahop list architectures' or YAML files, comma separated: rs,ws,nlr; "
          "docs/mapping_yaml.md has the form")
      ->delimiter(',')
      ->capture_default_str();
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
}

}  // namespace

void add_map(CLI::App& program, Surroundings& surroundings) {
  CLI::App* command = program.add_subcommand("map",
                                             "The best loop nest of every layer on an array of processing "
                                             "elements, proven: energy by place and data");
  auto options = std::make_shared<MapCommandOptions>();
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
      "  deltahop map alexnet --sparsity dense,gated,compressed --density inputs=0.4,outputs=0.4");
  command->callback([options, &surroundings] { run_map(*options, surroundings); });
}

}  // namespace deltahop
