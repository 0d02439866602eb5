// SPDX-License-Identifier: Apache-2.0
// Any bytes as an NPZ file that holds a recurrent trace: what is taken can be simulated and computed, and is
// written again as it was.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "deltahop/accelerators/accelerator.h"
#include "deltahop/io/npz.h"
#include "deltahop/run/saved_sequence.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deltahop;
  static const auto edge = make_accelerator("edge_drnn", {});
  static const auto delta = make_accelerator("delta_rnn", {"limits.layers=64"});
  try {
    const auto arrays = parse_npz({reinterpret_cast<const char*>(data), size}, "fuzz.npz");
    const std::vector<SavedLayer> layers = sequence_from(arrays, "fuzz.npz");
    if (arrays_of(layers) != arrays) std::abort();
    for (const SavedLayer& layer : layers) {
      LayerTrace trace;
      trace.recurrent = &layer.trace;
      for (const Accelerator* chip : {edge.get(), delta.get()}) {
        try {
          (void)chip->simulate(trace);
          (void)chip->compute(trace);
        } catch (const Error&) {
        }
      }
    }
  } catch (const Error&) {
  }
  return 0;
}
