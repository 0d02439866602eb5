// SPDX-License-Identifier: Apache-2.0
// One run of the main job, as simulate, compare and demo ask for it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "deltahop/cli/options.h"
#include "deltahop/cli/simulation.h"
#include "deltahop/cli/threshold_options.h"
#include "deltahop/report/report.h"

namespace deltahop {

struct FormatOptions {
  std::string formats;                              // a file of number formats; "" to calibrate
  std::string calibration;                          // inputs to calibrate on; "" for the inputs themselves
  std::optional<int64_t> calibrate;                 // how many of them
  std::optional<int> activation_bits, weight_bits;  // absent: as the chip has them (16 without a chip)
  std::string rounding, overflow;                   // "": as the chip does
  std::optional<double> clipped_fraction;
  bool always_calibrate = false;  // not even formats that the network brings are taken

  void add_to(CLI::App& command);  // after InputOptions
  // Whether any option speaks of calibration: then formats that the network brings are set aside.
  bool asks_for_calibration() const;
};

struct SimulateJob {
  NetworkOptions network;
  InputOptions input;
  FormatOptions format;
  std::string chip = "nullhop";
  std::vector<std::string> settings;
  std::string technology;         // "": the chip's own
  std::optional<double> density;  // synthetic zeros in place of inputs
  std::optional<int64_t> steps;   // of them, for recurrent networks
  ThresholdOptions thresholds;    // of recurrent networks
  std::string trace;              // a saved trace or a folder of them, in place of a network
  std::string save_trace;
  std::string write_requests;  // a file for what a recurrent chip asks its DRAM for
  bool verify = false, no_float = false, no_sizes = false;
};

// Throws Error where the options do not fit together.
Report run_simulate_job(const SimulateJob& job, Surroundings& surroundings);

// A line on how many values the chip computed itself, where it was asked to.
void note_verification(const SimulationResult& result, bool verify, std::vector<std::string>& notes);

// The integer model for these options; notes say where its formats come from; only_run as calibrated() has
// it. `network` must be folded and bound.
IntegerModel integer_model_for(const FormatOptions& options, const InputOptions& input,
                               const Network& network, const Inputs& inputs, const Accelerator* chip,
                               int threads, Console& console, std::vector<std::string>& notes,
                               std::optional<FloatRun>* only_run = nullptr);

}  // namespace deltahop
