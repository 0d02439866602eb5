// SPDX-License-Identifier: Apache-2.0
// Reads technology files: strict, every cost cited, scaled files built on another.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "deltahop/base/embedded.h"
#include "deltahop/base/error.h"
#include "deltahop/hardware/shipped.h"
#include "deltahop/hardware/technology.h"

namespace deltahop {

std::vector<EmbeddedFile> embedded_hardware();  // generated

namespace {

constexpr std::string_view kFolder = "technology";
constexpr int64_t kWidestOperand = 1024;

void read_references(const Config& config, std::map<std::string, std::string>& references) {
  for (const Config& entry : config.list("references")) references[entry.text("key")] = entry.text("text");
}

std::string read_citation(const Config& entry, const std::map<std::string, std::string>& references) {
  const std::string citation = entry.text("citation");
  if (!citation.empty() && references.count(citation) == 0) {
    std::vector<std::string> keys;
    for (const auto& [key, text] : references) keys.push_back(key);
    entry.fault("citation", fmt::format("'{}' is not among the references", citation),
                suggest(citation, keys));
  }
  return citation;
}

double read_positive(const Config& entry, std::string_view key) {
  const double value = entry.number(key);
  if (!(value > 0)) entry.fault(key, fmt::format("'{}' must be above zero", key));
  return value;
}

int64_t read_bits(const Config& entry, int64_t highest) {
  const int64_t bits = entry.integer("bits");
  if (bits < 1 || bits > highest) entry.fault("bits", fmt::format("must lie in 1..{}", highest));
  return std::clamp<int64_t>(bits, 1, highest);
}

std::vector<CostPoint> read_points(const Config& config, std::string_view key, bool has_capacity,
                                   const std::map<std::string, std::string>& references) {
  std::vector<CostPoint> points;
  for (const Config& entry : config.list(key)) {
    CostPoint point;
    point.bits = read_bits(entry, kWidestOperand);
    if (has_capacity) {
      point.capacity = entry.quantity<Bits>("capacity");
      if (point.capacity <= Bits(0)) entry.fault("capacity", "must be above zero");
    }
    point.energy_pJ = entry.quantity<Picojoules>("energy").number();
    if (!(point.energy_pJ > 0)) entry.fault("energy", "must be above zero");
    point.citation = read_citation(entry, references);
    point.note = entry.text("note", "");
    point.is_weak = entry.boolean("weak", false);
    points.push_back(point);
  }
  std::stable_sort(points.begin(), points.end(), [](const CostPoint& a, const CostPoint& b) {
    return a.capacity != b.capacity ? a.capacity < b.capacity : a.bits < b.bits;
  });
  return points;
}

void read_areas(const Config& config, Technology& process) {
  for (const Config& entry : config.list("areas")) {
    AreaPoint point;
    point.name = entry.choice("name", {"multiplier", "adder", "memory"});
    point.bits = read_bits(entry, int64_t{1} << 40);
    point.area_um2 = read_positive(entry, "area_um2");
    point.citation = read_citation(entry, process.references);
    point.note = entry.text("note", "");
    point.is_weak = entry.boolean("weak", false);
    process.areas.push_back(point);
  }
}

// The list that every technology shares, the default first.
std::vector<DramCostPoint> read_dram_costs(const Config& technology, Technology& process) {
  std::vector<DramCostPoint> costs;
  std::vector<std::string> names;
  for (const EmbeddedFile& file : embedded_hardware()) {
    if (file.path != "dram_costs.yaml") continue;
    const Config config = Config::from_text(file.content, file.path);
    read_references(config, process.references);
    for (const Config& entry : config.list("costs")) {
      costs.push_back({entry.text("name"), entry.text("title"), read_positive(entry, "energy_pJ_per_bit"),
                       read_citation(entry, process.references), entry.text("note", ""),
                       entry.boolean("weak", false)});
      names.push_back(costs.back().name);
    }
    config.finish();
  }
  DELTAHOP_CHECK(!costs.empty());
  const std::string wanted = technology.choice("dram_default", names);
  std::stable_partition(costs.begin(), costs.end(),
                        [&](const DramCostPoint& cost) { return cost.name == wanted; });
  return costs;
}

void read_tables(const Config& config, Technology& process) {
  process.has_chip_costs = config.choice("chip_costs", {"listed", "none"}, "listed") == "listed";
  if (!process.has_chip_costs) {
    process.dram = read_dram_costs(config, process);
    return;
  }
  process.multiply_accumulates = read_points(config, "multiply_accumulates", false, process.references);
  process.multipliers = read_points(config, "multipliers", false, process.references);
  process.adders = read_points(config, "adders", false, process.references);
  process.memories = read_points(config, "memories", true, process.references);
  process.registers = read_points(config, "registers", false, process.references);
  if (config.has("transfers"))
    process.transfers = read_points(config, "transfers", false, process.references);
  if (process.multiply_accumulates.empty() && (process.multipliers.empty() || process.adders.empty())) {
    config.fault({}, "gives no cost of a multiply-accumulate",
                 "list 'multipliers' and 'adders', or 'multiply_accumulates'");
  }
  if (process.memories.empty()) config.fault({}, "the list 'memories' is missing or empty");
  if (process.registers.empty()) config.fault({}, "the list 'registers' is missing or empty");
  read_areas(config, process);
  if (config.has("leakage")) {
    const Config entry = config.section("leakage");
    Leakage leakage{entry.quantity<Watts>("power"), entry.quantity<SquareMillimetres>("area"), ""};
    if (!(leakage.area.number() > 0)) entry.fault("area", "must be above zero");
    leakage.source = fmt::format("[{}] {}", read_citation(entry, process.references), entry.text("note", ""));
    process.leakage = leakage;
  }
  process.dram = read_dram_costs(config, process);
}

// Takes the tables of another file and scales them by node and supply.
void read_scaling(const Config& config, Technology& process) {
  const std::string base_name = config.choice("base", technology_names());
  if (base_name != config.text("base")) config.finish();  // an unknown base: throws
  const Technology base = load_technology(base_name);
  const Config rule = config.section("scaling");
  const double node_exponent = rule.number("node_exponent");
  const double supply_exponent = rule.number("supply_exponent");
  const double area_exponent = rule.number("area_exponent");
  const std::string citation = read_citation(rule, process.references);
  const std::string note = rule.text("note", "");
  Technology scaled = base;
  scaled.summary = process.summary;
  scaled.citation = process.citation;
  scaled.node_nm = process.node_nm;
  scaled.supply_V = process.supply_V;
  scaled.leakage.reset();
  scaled.references.insert(process.references.begin(), process.references.end());
  const double node = process.node_nm / base.node_nm;
  const double supply = process.supply_V / base.supply_V;
  scaled.energy_scale = base.energy_scale * std::pow(node, node_exponent) * std::pow(supply, supply_exponent);
  scaled.area_scale = base.area_scale * std::pow(node, area_exponent);
  scaled.scale_note = fmt::format("times {:.4g} = ({:g}/{:g} nm)^{:g} ({:g}/{:g} V)^{:g} [{}]",
                                  scaled.energy_scale / base.energy_scale, process.node_nm, base.node_nm,
                                  node_exponent, process.supply_V, base.supply_V, supply_exponent, citation);
  if (!note.empty()) scaled.notes.push_back("Scaling: " + note + ".");
  process = std::move(scaled);
}

// A scaled file that is built on a scaled file that ... ends: shipped files only may be a base, and none is
// in a circle (a test reads them all).
Technology read_technology(Config& config, std::string name) {
  Technology process;
  process.summary = config.text("summary");
  const bool is_silent = config.has("chip_costs") && !config.has("node_nm");
  if (!is_silent) {
    process.node_nm = read_positive(config, "node_nm");
    process.supply_V = read_positive(config, "supply_V");
  }
  read_references(config, process.references);
  process.citation = read_citation(config, process.references);
  if (config.has("base")) {
    read_scaling(config, process);
    if (config.has("dram_default")) process.dram = read_dram_costs(config, process);
  } else {
    read_tables(config, process);
  }
  if (config.has("notes")) {
    for (std::string& note : config.texts("notes")) process.notes.push_back(std::move(note));
  }
  config.finish();
  process.name = std::move(name);
  process.resolved = config.resolved();
  return process;
}

}  // namespace

std::vector<std::string> technology_names() { return shipped_names(kFolder); }

Technology load_technology(std::string_view name_or_path, const std::vector<std::string>& settings) {
  NamedConfig file = open_shipped(kFolder, name_or_path, "technology", settings);
  return read_technology(file.config, std::move(file.name));
}

}  // namespace deltahop
