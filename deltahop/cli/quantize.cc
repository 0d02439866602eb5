// SPDX-License-Identifier: Apache-2.0
// deltahop quantize: number formats from data, written beside the model, with what they cost in accuracy.
#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "deltahop/base/files.h"
#include "deltahop/cli/reporting.h"
#include "deltahop/cli/simulate_job.h"
#include "deltahop/cli/simulation.h"
#include "deltahop/compress/fold.h"
#include "deltahop/io/load.h"

namespace deltahop {
namespace {

struct QuantizeOptions {
  NetworkOptions network;
  InputOptions input;
  FormatOptions format;
  ReportOptions report;
  std::string chip, formats_file, onnx_file;
};

Network with_formats(const Network& network, const std::string& formats) {
  NetworkBuilder builder = NetworkBuilder::from_values_of(network);
  for (const Node& node : network.nodes())
    builder.layer_into(node.layer, node.name, node.inputs, node.outputs);
  for (const ValueId id : network.outputs()) builder.output(id);
  builder.metadata(std::string(kFormatsKey), formats);
  return builder.build();
}

int64_t weight_count(const IntegerExecutor& executor) {
  int64_t count = 0;
  for (size_t i = 0; i < executor.stages().size(); ++i) count += executor.weight_codes(i).size();
  return count;
}

void quantize(const QuantizeOptions& options, Surroundings& surroundings) {
  const int threads = options.network.thread_count();
  const Network network = bound_to_one(folded(options.network.load()));
  const Inputs inputs(options.input, network, *network.value(network.inputs().at(0).value).shape);
  std::unique_ptr<Accelerator> chip;
  if (!options.chip.empty()) chip = make_accelerator(options.chip, {});
  ReportSources sources;
  const IntegerExecutor executor(integer_model_for(options.format, options.input, network, inputs, chip.get(),
                                                   threads, surroundings.console, sources.notes));
  const std::string formats = formats_text(executor.model());
  const SimulationResult result = simulate_network(
      executor, inputs, nullptr, {.with_sizes = false, .threads = threads}, surroundings.console.progress());
  sources.command = "quantize";
  sources.network = &network;
  sources.network_source = options.network.network;
  sources.result = &result;
  sources.inputs = &inputs;
  sources.seed = options.network.seed;
  sources.threads = threads;
  sources.configurations.emplace_back("number formats", formats);
  const int64_t clipped = executor.clipped_weights();
  const int64_t weights = weight_count(executor);
  sources.notes.push_back(
      fmt::format("{} of {} weights ({:.4f} %) were clipped", clipped, weights,
                  weights == 0 ? 0.0 : 100.0 * static_cast<double>(clipped) / static_cast<double>(weights)));
  const std::string default_name =
      std::filesystem::path(options.network.network).stem().string() + ".formats";
  const std::string formats_file = options.formats_file.empty() ? default_name : options.formats_file;
  write_file(formats_file, formats);
  surroundings.console.note(fmt::format("wrote {}", formats_file));
  if (!options.onnx_file.empty()) {
    save_onnx(with_formats(network, formats), options.onnx_file);
    surroundings.console.note(fmt::format("wrote {}", options.onnx_file));
  }
  emit(report_of(surroundings, sources), options.report, surroundings.console);
}

}  // namespace

void add_quantize(CLI::App& program, Surroundings& surroundings) {
  CLI::App* command = program.add_subcommand(
      "quantize", "Choose number formats from data, write them, and say what they cost in accuracy");
  auto options = std::make_shared<QuantizeOptions>();
  options->format.always_calibrate = true;
  options->network.add_to(*command);
  options->input.add_to(*command);
  command->get_option("--input")->required();
  options->format.add_to(*command);
  command->add_option("--for", options->chip, "Take widths, rounding and overflow from this chip");
  command->add_option("--write-formats", options->formats_file,
                      "Where the formats go; without, NETWORK.formats in the current folder");
  command->add_option("--onnx", options->onnx_file,
                      "Also write the folded network as ONNX with the formats in its metadata");
  exclude(*command, "--for", {"--formats"});
  options->report.add_to(*command);
  command->footer(
      "Example: deltahop quantize net.onnx --input digits.idx.gz --labels labels.idx.gz --activation-bits 8 "
      "--weight-bits 8");
  command->callback([options, &surroundings] { quantize(*options, surroundings); });
}

}  // namespace deltahop
