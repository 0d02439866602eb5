// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/simulate_job.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "deltahop/base/files.h"
#include "deltahop/cli/recurrent_job.h"
#include "deltahop/cli/reporting.h"
#include "deltahop/cli/simulation.h"
#include "deltahop/compress/fold.h"

namespace deltahop {
namespace {

constexpr int64_t kCalibrationInputs = 32;  // where --calibrate does not say

std::vector<std::string> trace_files(const std::string& path) {
  std::vector<std::string> files;
  std::error_code fault;
  if (!std::filesystem::is_directory(path, fault)) return {path};
  for (const auto& entry : std::filesystem::directory_iterator(path, fault)) {
    if (entry.path().extension() == ".npz") files.push_back(entry.path().string());
  }
  if (files.empty())
    throw Error(path, "holds no traces (.npz)", "--save-trace of 'deltahop simulate' writes them");
  std::sort(files.begin(), files.end());
  return files;
}

Arithmetic arithmetic_for(const FormatOptions& options, const Accelerator* chip) {
  Arithmetic arithmetic = chip != nullptr ? chip->arithmetic() : Arithmetic{};
  if (options.activation_bits) arithmetic.activation_bits = *options.activation_bits;
  if (options.weight_bits) arithmetic.weight_bits = *options.weight_bits;
  if (!options.rounding.empty()) arithmetic.rounding = parse_rounding(options.rounding);
  if (!options.overflow.empty()) arithmetic.overflow = parse_overflow(options.overflow);
  return arithmetic;
}

void require_consistent(const SimulateJob& job) {
  if (job.input.input.empty() && !job.density && job.trace.empty())
    throw Error("simulate", "there is nothing to simulate with",
                "give --input, or --density for random zeros, or --trace");
  if (job.trace.empty() && job.network.network.empty())
    throw Error("simulate", "no network is given", "name an ONNX file or one of 'deltahop list networks'");
}

// A chip can only compute what its own words, rounding and saturation give.
void require_own_arithmetic(const SimulateJob& job, const Arithmetic& arithmetic, const Accelerator& chip) {
  if (!job.verify || arithmetic == chip.arithmetic()) return;
  throw Error("--verify", "the number formats follow another arithmetic than the chip's own output",
              "leave out --activation-bits, --weight-bits, --rounding and --overflow, or --verify");
}

}  // namespace

void note_verification(const SimulationResult& result, bool verify, std::vector<std::string>& notes) {
  if (!verify) return;
  int64_t compared = 0, mismatches = 0;
  for (const StageTotals& stage : result.stages) {
    compared += stage.sum.compared;
    mismatches += stage.sum.mismatches;
  }
  notes.push_back(fmt::format("verified: {} values of the chip's own output compared bit for bit, {} differ",
                              compared, mismatches));
}

void FormatOptions::add_to(CLI::App& command) {
  const auto add = [&command](const char* name, auto& value, const char* help) {
    return command.add_option(name, value, help)
        ->group("Number formats")
        ->needs(command.get_option("--input"));
  };
  CLI::Option* const given =
      add("--formats", formats,
          "Number formats as 'deltahop quantize' writes them; without, they are calibrated");
  const std::vector<CLI::Option*> chosen = {
      add("--calibration", calibration, "Inputs to calibrate on; without, the first ones of --input"),
      add("--calibrate", calibrate, "How many inputs to calibrate on (32)")->check(CLI::PositiveNumber),
      add("--activation-bits", activation_bits, "Bits of activations, sign included")
          ->check(CLI::Range(2, 16)),
      add("--weight-bits", weight_bits, "Bits of weights, sign included")->check(CLI::Range(2, 16)),
      add("--rounding", rounding,
          "Of results: floor, toward_zero, half_up, half_away, half_even; without, as the chip does"),
      add("--overflow", overflow, "Of results: saturate or wrap; without, as the chip does"),
      add("--clipped-fraction", clipped_fraction, "Share of values that a range may leave out (0)")
          ->check(CLI::Range(0.0, 0.5))};
  for (CLI::Option* const option : chosen) option->excludes(given);
}

bool FormatOptions::asks_for_calibration() const {
  return !calibration.empty() || calibrate || activation_bits || weight_bits || !rounding.empty() ||
         !overflow.empty() || clipped_fraction;
}

IntegerModel integer_model_for(const FormatOptions& options, const InputOptions& input,
                               const Network& network, const Inputs& inputs, const Accelerator* chip,
                               int threads, Console& console, std::vector<std::string>& notes,
                               std::optional<FloatRun>* only_run) {
  if (!options.formats.empty()) {
    notes.push_back(fmt::format("number formats: {}", options.formats));
    return model_from_formats(network, read_file(options.formats, uint64_t{1} << 26), options.formats);
  }
  const auto stored = network.metadata().find(std::string(kFormatsKey));
  const bool chosen_anew = options.always_calibrate || options.asks_for_calibration();
  if (stored != network.metadata().end() && chosen_anew)
    notes.push_back("number formats: those in the network's metadata are set aside");
  else if (stored != network.metadata().end()) {
    notes.push_back("number formats: from the network's metadata");
    return model_from_formats(network, stored->second, fmt::format("{}: metadata", network.name()));
  }
  CalibrationOptions calibration;
  calibration.arithmetic = arithmetic_for(options, chip);
  calibration.clipped_fraction = options.clipped_fraction.value_or(0);
  calibration.threads = threads;
  const int64_t count = options.calibrate.value_or(kCalibrationInputs);
  if (options.calibration.empty()) {
    notes.push_back(fmt::format("number formats: calibrated on the first {} of the inputs themselves",
                                std::min(count, inputs.size())));
    return calibrated(network, inputs, count, calibration, console.progress(), only_run);
  }
  InputOptions other = input;
  other.input = options.calibration;
  other.labels.clear();
  other.limit = -1;
  const Inputs calibration_inputs(other, network, *network.value(network.inputs().at(0).value).shape);
  notes.push_back(fmt::format("number formats: calibrated on {} inputs of {}",
                              std::min(count, calibration_inputs.size()), options.calibration));
  return calibrated(network, calibration_inputs, count, calibration, console.progress());
}

Report run_simulate_job(const SimulateJob& job, Surroundings& surroundings) {
  require_consistent(job);
  const auto chip = make_accelerator(job.chip, job.settings);
  const Technology technology =
      load_technology(job.technology.empty() ? chip->architecture().technology : job.technology);
  const int threads = job.network.thread_count();
  SimulationOptions simulation{.verify = job.verify,
                               .with_float = !job.no_float,
                               .with_sizes = !job.no_sizes,
                               .threads = threads,
                               .trace_folder = job.save_trace};
  ReportSources sources;
  sources.command = "simulate";
  sources.network_source = job.trace.empty() ? job.network.network : job.trace;
  sources.chip = chip.get();
  sources.technology = &technology;
  sources.seed = job.network.seed;
  sources.threads = threads;
  if (!job.trace.empty()) {
    const std::vector<std::string> files = trace_files(job.trace);
    if (are_recurrent_traces(files))
      return replay_recurrent_traces(job, files, *chip, technology, surroundings);
    const SimulationResult result =
        simulate_traces(files, *chip, simulation, surroundings.console.progress());
    note_verification(result, job.verify, sources.notes);
    sources.result = &result;
    return report_of(surroundings, sources);
  }
  Network network = folded(job.network.load(job.density.has_value()));
  if (chip->recurrent_formats() && has_recurrent_layers(network))
    return run_recurrent_job(job, network, *chip, technology, surroundings);
  if (!job.write_requests.empty())
    throw Error("--write-requests", "is for recurrent networks on a recurrent chip");
  if (job.thresholds.given())
    throw Error("--theta-x, --theta-h, --thresholds", "are for recurrent networks on a recurrent chip");
  if (job.steps) throw Error("--steps", "is for recurrent networks on a recurrent chip", "leave it out");
  network = bound_to_one(network);
  sources.network = &network;
  if (job.density) {
    const SimulationResult result =
        simulate_synthetic(network, *job.density, job.network.seed, *chip, {.with_sizes = !job.no_sizes},
                           surroundings.console.progress());
    sources.result = &result;
    sources.notes.push_back(
        fmt::format("activations are independent random zeros at density {} (seed {}): counts, no outputs",
                    *job.density, job.network.seed));
    return report_of(surroundings, sources);
  }
  const Inputs inputs(job.input, network, *network.value(network.inputs().at(0).value).shape);
  sources.inputs = &inputs;
  std::optional<FloatRun> only_run;
  const IntegerExecutor executor(integer_model_for(job.format, job.input, network, inputs, chip.get(),
                                                   threads, surroundings.console, sources.notes,
                                                   job.no_float ? nullptr : &only_run));
  require_own_arithmetic(job, executor.model().arithmetic, *chip);
  if (only_run) simulation.float_run = &*only_run;
  sources.configurations.emplace_back("number formats", formats_text(executor.model()));
  const SimulationResult result =
      simulate_network(executor, inputs, chip.get(), simulation, surroundings.console.progress());
  note_verification(result, job.verify, sources.notes);
  sources.result = &result;
  return report_of(surroundings, sources);
}

}  // namespace deltahop
