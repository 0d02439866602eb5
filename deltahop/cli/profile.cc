// SPDX-License-Identifier: Apache-2.0
// deltahop profile: shapes, weights, MACs; with inputs also what is zero and how small it can be coded
// ([Sze2017] table IV).
#include <memory>

#include <CLI/CLI.hpp>

#include "deltahop/cli/reporting.h"
#include "deltahop/compress/fold.h"

namespace deltahop {

void add_profile(CLI::App& program, Surroundings& surroundings) {
  CLI::App* command = program.add_subcommand(
      "profile", "Shapes, weights and MACs per layer; with --input also zeros and coded sizes");
  struct Options {
    NetworkOptions network;
    SizeOptions sizes;
    InputOptions input;
    ReportOptions report;
  };
  auto options = std::make_shared<Options>();
  options->network.add_to(*command);
  options->sizes.add_to(*command);
  options->input.add_to(*command);
  options->report.add_to(*command);
  command->footer(
      "Example: deltahop profile net.onnx --input pictures/ --preprocess channels=rgb 'scale=[0.00392157]' "
      "-o report/");
  command->callback([options, &surroundings] {
    const Network network = options->sizes.bound(folded(options->network.load()));
    std::optional<Inputs> inputs;
    if (!options->input.input.empty())
      inputs.emplace(options->input, network, *network.value(network.inputs().at(0).value).shape);
    const SimulationResult result =
        profile_network(network, inputs ? &*inputs : nullptr, {.threads = options->network.thread_count()},
                        surroundings.console.progress());
    ReportSources sources;
    sources.command = "profile";
    sources.network = &network;
    sources.network_source = options->network.network;
    sources.result = &result;
    sources.inputs = inputs ? &*inputs : nullptr;
    sources.seed = options->network.seed;
    sources.threads = options->network.thread_count();
    emit(report_of(surroundings, sources), options->report, surroundings.console);
  });
}

}  // namespace deltahop
