// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/map_zeros.h"

#include <algorithm>
#include <charconv>
#include <map>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "deltahop/base/error.h"
#include "deltahop/run/executor.h"

namespace deltahop {
namespace {

struct Density {
  std::string layer;  // "": all
  Operand operand = Operand::input;
  double value = 1.0;
};

Density density_of(const std::string& text) {
  Density density;
  const auto wrong = [&] {
    return Error("--density", fmt::format("'{}' is no density", text),
                 "as inputs=0.4 or conv2:weights=0.3; operands: weights, inputs, outputs; 0 to 1");
  };
  const size_t equals = text.rfind('=');
  if (equals == std::string::npos) throw wrong();
  std::string name = text.substr(0, equals);
  if (const size_t colon = name.rfind(':'); colon != std::string::npos) {
    density.layer = name.substr(0, colon);
    name = name.substr(colon + 1);
  }
  const auto place = std::find_if(kAllOperands.begin(), kAllOperands.end(),
                                  [&](Operand operand) { return name_of(operand) == name; });
  if (place == kAllOperands.end()) throw wrong();
  density.operand = *place;
  const char* const end = text.data() + text.size();
  const auto [stopped, fault] = std::from_chars(text.data() + equals + 1, end, density.value);
  if (fault != std::errc() || stopped != end || !(density.value >= 0 && density.value <= 1)) throw wrong();
  return density;
}

// Those of a layer win over those of all layers; of two alike the later one.
std::vector<std::string> set_densities(const std::vector<std::string>& texts,
                                       std::vector<LayerToMap>& layers) {
  std::vector<Density> densities;
  std::vector<std::string> names;
  for (const LayerToMap& layer : layers) names.push_back(layer.name);
  for (const std::string& text : texts) {
    densities.push_back(density_of(text));
    const std::string& layer = densities.back().layer;
    if (!layer.empty() && std::find(names.begin(), names.end(), layer) == names.end())
      throw Error("--density", fmt::format("no layer to map is called '{}'", layer), suggest(layer, names));
  }
  std::stable_partition(densities.begin(), densities.end(),
                        [](const Density& density) { return density.layer.empty(); });
  for (LayerToMap& layer : layers) {
    Densities own = {1.0, 1.0, 1.0};
    for (const Density& density : densities) {
      if (density.layer.empty() || density.layer == layer.name)
        own[index_of(density.operand)] = density.value;
    }
    layer.zeros = expected_zeros(layer.problem, own);
  }
  return {
      "Zeros are independent of each other, at the densities given; codes have their expected sizes. Inputs "
      "with their padding."};
}

std::vector<std::string> measure(const MapZerosOptions& options, const Network& network, int threads,
                                 std::vector<LayerToMap>& layers, Console& console) {
  const Inputs inputs(options.input, network, *network.value(network.inputs().at(0).value).shape);
  std::vector<std::string> notes;
  const IntegerExecutor executor(
      integer_model_for(options.format, options.input, network, inputs, nullptr, threads, console, notes));
  std::map<std::string, ZeroMeter> meters;
  const Progress progress = console.progress();
  for (int64_t i = 0; i < inputs.size(); ++i) {
    executor.run(inputs.load(i).tensors, {.threads = threads}, [&](const Stage&, const LayerTrace& trace) {
      if (!trace.workload || trace.input == nullptr || trace.recurrent != nullptr) return;
      const auto wanted = [&](const LayerToMap& layer) { return layer.name == trace.workload->name; };
      if (std::none_of(layers.begin(), layers.end(), wanted)) return;
      auto meter = meters.find(trace.workload->name);
      if (meter == meters.end())
        meter = meters.try_emplace(trace.workload->name, trace.workload->workload, trace.weights).first;
      meter->second.add(*trace.input, trace.output);
    });
    report_progress(progress, "counting zeros", i + 1, inputs.size());
  }
  console.clear_progress();
  size_t unknown = 0;
  for (LayerToMap& layer : layers) {
    const auto meter = meters.find(layer.name);
    if (meter != meters.end()) layer.zeros = meter->second.zeros();
    unknown += layer.zeros ? 0 : 1;
  }
  notes.insert(
      notes.begin(),
      fmt::format("Zeros and code sizes are those of the integer network's own values, means over {} "
                  "({}); weights are coded once.",
                  inputs.size() == 1 ? "one input" : fmt::format("{} inputs", inputs.size()),
                  inputs.description()));
  if (unknown > 0)
    notes.push_back(
        fmt::format("{} layers hand out no values (recurrent ones): they are counted dense.", unknown));
  return notes;
}

}  // namespace

void MapZerosOptions::add_to(CLI::App& command) {
  CLI::Option* const density =
      command
          .add_option(
              "--density", densities,
              "Shares of values that are not zero: inputs=0.4,weights=0.3; of one layer: conv2:inputs=0.3")
          ->delimiter(',')
          ->group("Zeros");
  input.add_to(command);
  format.add_to(command);
  density->excludes(command.get_option("--input"));
}

std::vector<std::string> find_zeros(const MapZerosOptions& options, const Network& network, int threads,
                                    std::vector<LayerToMap>& layers, Console& console) {
  if (!options.densities.empty()) return set_densities(options.densities, layers);
  if (!options.input.input.empty()) return measure(options, network, threads, layers, console);
  return {};
}

}  // namespace deltahop
