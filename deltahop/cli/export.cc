// SPDX-License-Identifier: Apache-2.0
// deltahop export: what a real board is loaded with to run a network.
#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "deltahop/base/files.h"
#include "deltahop/cli/recurrent_job.h"
#include "deltahop/compress/fold.h"

namespace deltahop {

void add_export(CLI::App& program, Surroundings& surroundings) {
  CLI::App* command =
      program.add_subcommand("export", "Memory image and configuration words of a network for a real board");
  struct Options {
    NetworkOptions network;
    ThresholdOptions thresholds;
    std::string chip, output, name;
    std::vector<std::string> settings;
  };
  auto options = std::make_shared<Options>();
  options->network.add_source_to(*command);
  command->add_option("--for", options->chip, "A chip or variant that has a board: edge_drnn")->required();
  command->add_option("--set", options->settings,
                      "Change a key of the chip's configuration: --set weights_address=1048576");
  options->thresholds.add_to(*command);
  command->add_option("-o,--output", options->output, "The folder to write to")->required();
  command->add_option("--name", options->name, "Of the C header; without, the network's");
  command->footer("Example: deltahop export net.onnx --for edge_drnn --theta-x 0.1 --theta-h 0.1 -o board/");
  command->callback([options, &surroundings] {
    const auto chip = make_accelerator(options->chip, options->settings);
    const Network network = folded(options->network.load());
    const std::string name = options->name.empty()
                                 ? std::filesystem::path(options->network.network).stem().string()
                                 : options->name;
    if (!chip->recurrent_formats())
      throw Error(options->chip, "has no files to load a board with", "try edge_drnn");
    std::vector<std::string> notes;
    const RecurrentModel model = recurrent_model_for(network, options->thresholds, *chip, notes);
    const auto files = chip->board_files(model.stack(), name);  // all of them before any is written
    const Console& console = surroundings.console;
    for (const std::string& note : notes) console.note(note);
    for (const auto& [file, content] : files) {
      const std::filesystem::path path = std::filesystem::path(options->output) / file;
      write_file(path, content);
      console.print(fmt::format("{} {} B\n", path.string(), content.size()));
    }
  });
}

}  // namespace deltahop
