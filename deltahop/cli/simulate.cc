// SPDX-License-Identifier: Apache-2.0
// deltahop simulate: the main job.
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "deltahop/cli/reporting.h"
#include "deltahop/cli/simulate_job.h"

namespace deltahop {

void add_simulate(CLI::App& program, Surroundings& surroundings) {
  CLI::App* command = program.add_subcommand(
      "simulate", "Cycles, bytes, joules, bit-exact output and accuracy of a network on a chip");
  struct Options {
    SimulateJob job;
    ReportOptions report;
  };
  auto options = std::make_shared<Options>();
  SimulateJob& job = options->job;
  job.network.add_to(*command);
  command->get_option("network")->required(false);
  command
      ->add_option("--on", job.chip,
                   "A chip or variant from 'deltahop list chips', or a YAML file of your own")
      ->capture_default_str();
  command->add_option("--set", job.settings,
                      "Change a key of the chip's configuration: --set kernel_memory.load=overlapped");
  command->add_option(
      "--technology", job.technology,
      "Energy costs, from 'deltahop list technologies' or a YAML file; without, the chip's own");
  job.input.add_to(*command);
  job.format.add_to(*command);
  command
      ->add_option("--density", job.density,
                   "In place of --input: random activations, this share of them not zero")
      ->check(CLI::Range(0.0, 1.0));
  command
      ->add_option(
          "--steps", job.steps,
          "Of a recurrent network: with --density so many time steps (1000), with --input at most so many of "
          "each sequence")
      ->check(CLI::Range(1, 1000000));
  job.thresholds.add_to(*command);
  command->add_flag("--verify", job.verify,
                    "Let the chip compute its own output and compare every value with the integer network's");
  command->add_flag("--no-float", job.no_float,
                    "Skip the float run: no errors and no float accuracy, but faster");
  command->add_flag("--no-sizes", job.no_sizes, "Skip the sizes of feature maps in other encodings: faster");
  command->add_option("--save-trace", job.save_trace, "A folder for the traces, one NPZ an input");
  command->add_option("--trace", job.trace, "Replay saved traces (a file or a folder) in place of a network");
  command->add_option("--write-requests", job.write_requests,
                      "A file for what a recurrent chip asks its DRAM for, as 'deltahop dram --stream' and "
                      "DRAMsim3 read it");
  command->get_option("--save-trace")->needs(command->get_option("--input"));
  exclude(*command, "--density", {"--input", "--weights", "--verify", "--no-float"});
  exclude(*command, "--trace",
          {"network", "--input", "--density", "--weights", "--seed", "--no-float", "--theta-x", "--theta-h",
           "--theta-rh", "--thresholds"});
  options->report.add_to(*command);
  command->footer(
      "Examples:\n"
      "  deltahop simulate net.onnx --on nullhop --input pictures/ --labels samples.csv --verify -o report/\n"
      "  deltahop simulate vgg19 --on nullhop --density 0.266 --set kernel_memory.load=overlapped\n"
      "  deltahop simulate --trace traces/ --on nullhop_zynq");
  command->callback([options, &surroundings] {
    const Report report = run_simulate_job(options->job, surroundings);
    emit(report, options->report, surroundings.console);
    const Totals totals = totals_of(report);
    if (totals.mismatches.value_or(0) > 0) {
      surroundings.console.note(fmt::format(
          "error: {} of the chip's output values differ from the integer network's", *totals.mismatches));
      surroundings.exit_code = 2;
    }
  });
}

}  // namespace deltahop
