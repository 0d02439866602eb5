// SPDX-License-Identifier: Apache-2.0
// The journey of one network, from a file to joules: load, calibrate, run in integers, simulate each stage,
// add up.
//   example_journey [network.onnx pictures/]      from the repository's root; without arguments, the
//   demonstration's
#include <cstdio>

#include "deltahop/accelerators/accelerator.h"
#include "deltahop/base/error.h"
#include "deltahop/compress/fold.h"
#include "deltahop/compress/quantize.h"
#include "deltahop/hardware/technology.h"
#include "deltahop/io/load.h"
#include "deltahop/io/samples.h"
#include "deltahop/run/executor.h"
#include "deltahop/simulate/energy.h"

using namespace deltahop;

static void journey(const char* network_path, const char* pictures_path) {
  const Network network = folded(load_network(network_path).bound({{1, 1, 32, 32}}));
  const auto pictures = open_samples(pictures_path);
  Preprocessing preprocessing;
  preprocessing.channels = "gray";
  preprocessing.scale = {1.0 / 255.0};
  const Tensor picture = prepared(pictures->load(0), preprocessing, {1, 1, 32, 32});

  const auto chip = make_accelerator("nullhop", {});
  CalibrationOptions options;
  options.arithmetic = chip->arithmetic();
  Calibrator calibrator(network, options);
  calibrator.add({picture});

  Stats total;
  const IntegerExecutor executor(calibrator.model());
  executor.run({picture}, {}, [&](const Stage&, const LayerTrace& trace) {
    if (!trace.workload || chip->supports(*trace.workload).placement == Placement::host) return;
    const Stats stats = chip->simulate(trace);
    const bool exact = chip->compute(trace) == *trace.output;
    std::printf(
        "%-8s %8lld cycles, %4.1f %% of the MACs skipped, output %s\n", trace.name.c_str(),
        static_cast<long long>(stats.cycles().number()),
        100.0 * (1.0 - static_cast<double>(stats.macs_done) / static_cast<double>(stats.dense_macs())),
        exact ? "bit-exact" : "WRONG");
    total += stats;
  });
  const Architecture& architecture = chip->architecture();
  const EnergyBreakdown energy = energy_of(total, architecture, load_technology(architecture.technology));
  std::printf("%s: %lld cycles, %.2f uJ in the core, %.2f uJ with DRAM\n", architecture.name.c_str(),
              static_cast<long long>(total.cycles().number()), energy.core_pJ() / 1e6,
              energy.total_pJ() / 1e6);
}

int main(int argc, char** argv) {
  try {
    journey(argc > 2 ? argv[1] : "models/demo_cnn.onnx", argc > 2 ? argv[2] : "models/demo_pictures");
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
