// SPDX-License-Identifier: Apache-2.0
// deltahop list: what there is to choose from.
#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "deltahop/accelerators/accelerator.h"
#include "deltahop/cli/command.h"
#include "deltahop/hardware/dram_part.h"
#include "deltahop/hardware/technology.h"
#include "deltahop/io/load.h"
#include "deltahop/mapping/array_chip.h"
#include "deltahop/network/layer.h"
#include "deltahop/pipeline/description.h"

namespace deltahop {
namespace {

using Row = std::pair<std::string, std::string>;

std::string listing(std::string_view title, const std::vector<Row>& rows) {
  size_t width = 0;
  for (const Row& row : rows) width = std::max(width, row.first.size());
  std::string text = fmt::format("{}\n", title);
  for (const Row& row : rows) text += fmt::format("  {:{}}  {}\n", row.first, width, row.second);
  return text;
}

std::string networks() {
  std::vector<Row> rows;
  for (const ZooEntry& entry : zoo_entries())
    rows.emplace_back(entry.name, fmt::format("{} {}", entry.summary, entry.citation));
  return listing("networks (weights are seeded unless --weights brings them)", rows);
}

std::string pipelines() {
  std::vector<Row> rows;
  for (const std::string& name : pipeline_names()) {
    const PipelineDescription description = load_pipeline_description(name);
    rows.emplace_back(name, fmt::format("{} {}", description.summary, description.citation));
  }
  return listing("sound pipelines, for run (--weights: the folder of their networks)", rows);
}

std::string chips() {
  std::vector<Row> rows;
  for (const AcceleratorKind& kind : accelerator_kinds()) {
    rows.emplace_back(kind.name, kind.summary);
    for (const std::string& variant : kind.variants) rows.emplace_back("  " + variant, "");
  }
  return listing("chips and their variants, for --on", rows);
}

std::string technologies() {
  std::vector<Row> rows;
  for (const std::string& name : technology_names()) rows.emplace_back(name, load_technology(name).summary);
  return listing("technologies, for --technology", rows);
}

std::string dram_parts() {
  std::vector<Row> rows;
  for (const std::string& name : dram_part_names()) rows.emplace_back(name, load_dram_part(name).summary);
  return listing("DRAM parts, for deltahop dram", rows);
}

std::string architectures() {
  std::vector<Row> rows;
  for (const std::string& name : array_chip_names()) {
    const ArrayChip chip = load_array_chip(name);
    rows.emplace_back(name, fmt::format("{} {}", chip.summary, chip.citation));
  }
  std::vector<Row> costs;
  for (const std::string& name : access_cost_names()) {
    const AccessCosts table = load_access_costs(name);
    costs.emplace_back(name, fmt::format("{} {}{}", table.summary, table.citation,
                                         table.trust == "published" ? "" : fmt::format(", {}", table.trust)));
  }
  std::vector<Row> sparsities;
  for (const std::string& name : sparsity_names()) {
    const Sparsity sparsity = load_sparsity(name);
    sparsities.emplace_back(name, fmt::format("{} {}", sparsity.summary, sparsity.citation));
  }
  return listing("architectures for deltahop map, for --arch", rows) +
         listing("costs of accesses for deltahop map, for --technology", costs) +
         listing("what is made of zeros, for --sparsity", sparsities);
}

std::string layers() {
  std::vector<Row> rows;
  for (const LayerKind& kind : layer_kinds()) rows.emplace_back(kind.operator_name, kind.summary);
  std::sort(rows.begin(), rows.end());
  return listing("operators", rows);
}

}  // namespace

void add_list(CLI::App& program, Surroundings& surroundings) {
  CLI::App* command = program.add_subcommand(
      "list", "What there is: networks, pipelines, chips, architectures, technologies, DRAM parts, layers");
  auto what = std::make_shared<std::string>("all");
  command
      ->add_option("what", *what,
                   "networks, pipelines, chips, architectures, technologies, dram, layers or all")
      ->check(CLI::IsMember(
          {"networks", "pipelines", "chips", "architectures", "technologies", "dram", "layers", "all"}))
      ->capture_default_str();
  command->callback([what, &surroundings] {
    std::string text;
    const auto wanted = [&](std::string_view name) { return *what == name || *what == "all"; };
    if (wanted("networks")) text += networks();
    if (wanted("pipelines")) text += pipelines();
    if (wanted("chips")) text += chips();
    if (wanted("architectures")) text += architectures();
    if (wanted("technologies")) text += technologies();
    if (wanted("dram")) text += dram_parts();
    if (wanted("layers")) text += layers();
    surroundings.console.print(text);
  });
}

}  // namespace deltahop
