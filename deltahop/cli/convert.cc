// SPDX-License-Identifier: Apache-2.0
// deltahop convert: any network that loads, written as ONNX.
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "deltahop/cli/options.h"
#include "deltahop/cli/threshold_options.h"
#include "deltahop/compress/fold.h"
#include "deltahop/io/load.h"

namespace deltahop {

void add_convert(CLI::App& program, Surroundings& surroundings) {
  CLI::App* command =
      program.add_subcommand("convert", "Write a network (ONNX, YAML, zoo) as ONNX, opset 17");
  struct Options {
    NetworkOptions network;
    SizeOptions sizes;
    ThresholdOptions thresholds;
    std::string output;
    bool fold = false;
  };
  auto options = std::make_shared<Options>();
  options->network.add_source_to(*command);
  options->sizes.add_to(*command);
  options->thresholds.add_to(*command);
  command->add_option("output", options->output, "The ONNX file to write")->required();
  command->add_flag("--fold", options->fold,
                    "Fold batch normalisation into the weights and drop what does nothing");
  command->footer(
      "Example: deltahop convert squeezenet1_0 squeezenet.onnx --weights compressed_SqueezeNet.net");
  command->callback([options, &surroundings] {
    Network network = options->network.load();
    // What the metadata says of layers that there are not is a fault of the file: it would not be written.
    const ThresholdTable thresholds = options->thresholds.table(network);
    if (options->thresholds.given()) network = with_thresholds(network, thresholds);
    if (options->fold) network = folded(network);
    if (!options->sizes.sizes.empty()) network = options->sizes.bound(network);
    save_onnx(network, options->output);
    surroundings.console.note(fmt::format("wrote {} ({} nodes)", options->output, network.nodes().size()));
  });
}

}  // namespace deltahop
