// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/layer_cases.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "deltahop/base/error.h"
#include "deltahop/base/random.h"
#include "deltahop/simulate/energy.h"

namespace deltahop {
namespace {

LayerCase read_case(const Config& config) {
  LayerCase layer;
  layer.name = config.text("name");
  const Config section = config.section("layer");
  ConvolutionShape& shape = layer.workload.workload.shape;
  shape.batch = config.integer("batch", 1);
  shape.in_channels = section.integer("in_channels");
  shape.out_channels = section.integer("out_channels");
  shape.groups = section.integer("groups", 1);
  shape.kernel_rows = shape.kernel_columns = section.integer("kernel");
  shape.stride_rows = shape.stride_columns = section.integer("stride", 1);
  shape.in_rows = shape.in_columns = section.integer("in_rows");
  shape.pad_top = shape.pad_left = section.integer("pad", 0);
  shape.out_rows = shape.out_columns =
      (shape.in_rows + 2 * shape.pad_top - shape.kernel_rows) / std::max<int64_t>(1, shape.stride_rows) + 1;
  layer.workload.name = layer.name;
  layer.workload.relu = true;
  layer.zeros_with_padding = config.number("zeros_with_padding");
  layer.output_zeros = config.number("output_zeros");
  return layer;
}

Tensor random_zeros(Random& random, Shape shape, double density) {
  Tensor codes(DataType::int16, std::move(shape));
  for (int16_t& code : codes.values<int16_t>()) code = random.chance(density) ? int16_t{1} : int16_t{0};
  return codes;
}

double inside_fraction(const ConvolutionShape& shape) {
  const double rows = static_cast<double>(shape.in_rows + 2 * shape.pad_top);
  const double columns = static_cast<double>(shape.in_columns + 2 * shape.pad_left);
  return static_cast<double>(shape.in_rows * shape.in_columns) / (rows * columns);
}

double megabytes(Bits bits) { return bytes_of(bits) / 1e6; }

}  // namespace

std::vector<LayerCase> read_layer_cases(const Config& config) {
  std::vector<LayerCase> cases;
  if (!config.has("cases")) return cases;
  for (const Config& entry : config.list("cases")) cases.push_back(read_case(entry));
  return cases;
}

const CaseRuns::Run& CaseRuns::run_of(const std::string& name, const std::vector<std::string>& settings) {
  const std::string chip_key = fmt::format("{}", fmt::join(settings, "|"));
  const auto known = runs_.find(name + "|" + chip_key);
  if (known != runs_.end()) return known->second;
  const auto found =
      std::find_if(cases_.begin(), cases_.end(), [&](const LayerCase& each) { return each.name == name; });
  if (found == cases_.end()) throw Error("published.yaml", fmt::format("there is no case '{}'", name));
  auto& chip = chips_[chip_key];
  if (!chip) chip = make_accelerator(chip_, settings);
  const ConvolutionShape& shape = found->workload.workload.shape;
  Random random(1);
  const double density = (1 - found->zeros_with_padding) / inside_fraction(shape);
  const Tensor input =
      random_zeros(random, {shape.batch, shape.in_channels, shape.in_rows, shape.in_columns}, density);
  const Tensor output = random_zeros(
      random, {shape.batch, shape.out_channels, shape.out_rows, shape.out_columns}, 1 - found->output_zeros);
  LayerTrace trace;
  trace.name = name;
  trace.workload = found->workload;
  trace.input = &input;
  trace.output = &output;
  Run run;
  run.stats = chip->simulate(trace);
  const Technology technology = load_technology(chip->architecture().technology);
  run.energy_pJ = energy_of(run.stats, chip->architecture(), technology).core_pJ();
  run.mapping = chip->mapping_figures(found->workload);
  run.mapping_text = chip->mapping_text(found->workload);
  return runs_.emplace(name + "|" + chip_key, std::move(run)).first->second;
}

double CaseRuns::figure(const std::vector<std::string>& names, const std::vector<std::string>& settings,
                        const std::string& metric) {
  Stats sum;
  double energy_pJ = 0, elements = 0;
  const auto processing = [](const Stats& stats) {
    return static_cast<double>((stats.cycles() - stats.cycles(Phase::dram_wait)).number());
  };
  const Run* last = nullptr;
  for (const std::string& name : names) {
    last = &run_of(name, settings);
    sum += last->stats;
    energy_pJ += last->energy_pJ;
    for (const auto& [key, value] : last->mapping) {
      if (key == "active_elements") elements += value * processing(last->stats);
    }
  }
  if (last == nullptr) throw Error("published.yaml", "a figure names no case");
  const double clock = chips_.begin()->second->architecture().clock.number();
  const double seconds = static_cast<double>(sum.cycles().number()) / clock;
  const auto moved = [&](MemoryLevel level, DataKind kind) {
    return sum.at(level, kind).read + sum.at(level, kind).written;
  };
  const std::map<std::string, std::function<double()>> metrics = {
      {"processing_ms", [&] { return 1e3 * processing(sum) / clock; }},
      {"total_ms", [&] { return 1e3 * seconds; }},
      {"core_mW", [&] { return energy_pJ * 1e-9 / seconds; }},
      {"buffer_MB",
       [&] {
         return megabytes(moved(MemoryLevel::global_buffer, DataKind::partial_sum) +
                          sum.at(MemoryLevel::global_buffer, DataKind::input).read +
                          sum.at(MemoryLevel::global_buffer, DataKind::output).read);
       }},
      {"dram_MB",
       [&] {
         const Traffic dram = sum.at(MemoryLevel::dram);
         return megabytes(dram.read + dram.written);
       }},
      {"gmacs", [&] { return 1e-9 * static_cast<double>(sum.dense_macs()); }},
      {"active_elements", [&] { return elements / processing(sum); }}};
  const auto found = metrics.find(metric);
  if (found != metrics.end()) return found->second();
  for (const auto& [key, value] : last->mapping) {
    if (key == metric && names.size() == 1) return value;
  }
  throw Error("published.yaml", fmt::format("'{}' is no figure of {}", metric, fmt::join(names, ", ")));
}

FindingsTable CaseRuns::table() {
  FindingsTable table{
      "cases",
      "Cases",
      "Layers with independent random zeros, a batch each; the buffer's traffic as tables print it: inputs "
      "and sums between buffer and array, and finished outputs; 10^6 bytes.",
      {{"case", "case", NumberStyle::plain, true},
       {"zeros_fraction", "zeros", NumberStyle::percent},
       {"processing_ms", "processing ms", NumberStyle::rounded},
       {"total_ms", "total ms", NumberStyle::rounded},
       {"buffer_MB", "buffer MB", NumberStyle::rounded},
       {"dram_MB", "DRAM MB", NumberStyle::rounded},
       {"core_mW", "core mW", NumberStyle::rounded},
       {"core_mJ", "core mJ", NumberStyle::rounded},
       {"waits_fraction", "waits", NumberStyle::percent},
       {"mapping", "mapping", NumberStyle::plain, true}},
      {}};
  for (const LayerCase& layer : cases_) {
    const auto of = [&](const char* metric) { return figure({layer.name}, {}, metric); };
    const Run& run = run_of(layer.name, {});
    const double waits = run.stats.cycles(Phase::buffer_wait) / run.stats.cycles();
    table.rows.push_back({layer.name, layer.zeros_with_padding, of("processing_ms"), of("total_ms"),
                          of("buffer_MB"), of("dram_MB"), of("core_mW"), run.energy_pJ * 1e-9, waits,
                          run.mapping_text});
  }
  return table;
}

}  // namespace deltahop
