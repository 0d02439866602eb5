// SPDX-License-Identifier: Apache-2.0
// deltahop explain: the page of a chip, a network, a technology, an architecture or a DRAM part.
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "deltahop/accelerators/accelerator.h"
#include "deltahop/cli/command.h"
#include "deltahop/cli/dram_findings.h"
#include "deltahop/cli/map_findings.h"
#include "deltahop/hardware/technology.h"
#include "deltahop/io/load.h"

namespace deltahop {
namespace {

std::string network_page(const ZooEntry& entry) {
  const Network network = load_network(entry.name);
  std::string text = fmt::format("{}\n{}\nsource: {}\n\n", entry.name, entry.summary, entry.citation);
  for (const auto& [key, value] : network.metadata()) text += fmt::format("{}: {}\n", key, value);
  return text + fmt::format("\n'deltahop profile {}' lists its layers.\n", entry.name);
}

constexpr std::string_view kWeak = " (an orientation, not a published figure)";

std::string technology_page(const Technology& technology) {
  std::string text = fmt::format("{}: {}{}\n", technology.name, technology.summary,
                                 technology.citation.empty() ? "" : " [" + technology.citation + "]");
  const auto add = [&](std::string_view title, const std::vector<CostPoint>& points) {
    if (!points.empty()) text += fmt::format("\n{}\n", title);
    for (const CostPoint& point : points) {
      const std::string size = point.capacity > Bits(0) ? fmt::format(" of {}", to_text(point.capacity)) : "";
      text += fmt::format("  {} bit{}: {} pJ [{}] {}{}\n", point.bits, size, point.energy_pJ, point.citation,
                          point.note, point.is_weak ? kWeak : "");
    }
  };
  add("multiply-accumulates", technology.multiply_accumulates);
  add("multipliers", technology.multipliers);
  add("adders", technology.adders);
  add("memories", technology.memories);
  add("registers", technology.registers);
  text += "\nDRAM, whole path\n";
  for (const DramCostPoint& point : technology.dram) {
    text += fmt::format("  {}: {} pJ/bit [{}] {}{}\n", point.name, point.energy_pJ_per_bit, point.citation,
                        point.note, point.is_weak ? kWeak : "");
  }
  if (technology.energy_scale != 1.0) {
    text += fmt::format("\nall energies on the chip times {}: {}\n", technology.energy_scale,
                        technology.scale_note);
  }
  for (const std::string& note : technology.notes) text += fmt::format("\n{}\n", note);
  return text;
}

std::string page_of(const std::string& topic) {
  std::vector<std::string> known;
  for (const AcceleratorKind& kind : accelerator_kinds()) {
    if (kind.name == topic) return kind.page;
    known.push_back(kind.name);
  }
  for (const ZooEntry& entry : zoo_entries()) {
    if (entry.name == topic) return network_page(entry);
    known.push_back(entry.name);
  }
  for (const std::string& name : technology_names()) {
    if (name == topic) return technology_page(load_technology(name));
    known.push_back(name);
  }
  for (const std::string& name : array_chip_names()) {
    if (name == topic) return array_chip_page(load_array_chip(name));
    known.push_back(name);
  }
  for (const std::string& name : dram_part_names()) {
    if (name == topic) return dram_part_page(load_dram_part(name));
    known.push_back(name);
  }
  throw Error("explain", fmt::format("nothing is called '{}'", topic), suggest(topic, known));
}

}  // namespace

void add_explain(CLI::App& program, Surroundings& surroundings) {
  CLI::App* command = program.add_subcommand("explain",
                                             "The page of a chip, a network, a technology, an architecture "
                                             "or a DRAM part: what is modelled, from which source");
  auto topic = std::make_shared<std::string>();
  command->add_option("topic", *topic, "A name from 'deltahop list'")->required();
  command->callback([topic, &surroundings] { surroundings.console.print(page_of(*topic) + "\n"); });
}

}  // namespace deltahop
