// SPDX-License-Identifier: Apache-2.0
// Video through an integer model by what has changed since the last frame, and the ledger that says whether
// it is worth it: multiply-accumulates saved against bytes of stored state read and written. Two rules:
// - recompute: output pixels whose inputs changed by more than a threshold are computed again from the inputs
//   as they are [Cavigelli2017]. Threshold 0: the integer executor's bits.
// - accumulate: sums of the last frame plus weights times the differences. Codes are rounded values, so the
//   differences are what a sigma-delta network sends, and the result is the rounding network's, the integer
//   executor's bits, for any sequence [OConnor2017].
//   ChangeBasedNetwork video(model, {.threshold = 0.02});
//   for (const Tensor& frame : frames) show(video.step({frame}, {}).values[0]);
//   video.ledger();
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "deltahop/run/executor.h"

namespace deltahop {

enum class ChangeRule { recompute, accumulate };

struct ChangeOptions {
  ChangeRule rule = ChangeRule::recompute;
  // In units of the values; a pixel has changed where one of its channels differs by more from what is
  // stored.
  double threshold = 0;
  // What is stored: the input as it last counted as changed (nothing drifts away unseen), or the last frame.
  // The rule `accumulate` always stores what its sums are made of.
  bool feedback = true;
};

// Of one layer that multiplies, summed over the frames after the first. A frame's first costs are those of
// the full computation and are left out.
struct ChangeLedger {
  std::string name;
  int64_t frames = 0;
  int64_t dense_macs = 0;         // all positions, padding included
  int64_t nonzero_macs = 0;       // what skipping zero inputs leaves, without any stored state
  int64_t done_macs = 0;          // of the outputs computed again, or of pixels that changed
  int64_t done_nonzero_macs = 0;  // the same, zero inputs (accumulate: zero differences) left out
  // Additions in units of one step of the code, [OConnor2017]: of the whole values, and of their differences.
  int64_t rounding_additions = 0, difference_additions = 0;
  int64_t pixels = 0, changed_pixels = 0;     // of the input
  int64_t outputs = 0, affected_outputs = 0;  // pixels of the output
  int64_t state_bytes = 0;                    // that must be kept between frames (not a sum over frames)
  int64_t state_read_bytes = 0, state_written_bytes = 0;
  int64_t plain_written_bytes = 0;  // outputs that the full computation writes and this did not

  // Traffic that only exists because state is kept; negative where unwritten outputs outweigh it.
  int64_t extra_bytes() const { return state_read_bytes + state_written_bytes - plain_written_bytes; }
  ChangeLedger& operator+=(const ChangeLedger& other);
};

class ChangeBasedNetwork {
 public:
  // Throws Error where a value has no format, or the threshold is negative or not a number.
  ChangeBasedNetwork(IntegerModel model, const ChangeOptions& options, int threads = 1);
  ChangeBasedNetwork(ChangeBasedNetwork&&) noexcept;
  ~ChangeBasedNetwork();

  const IntegerExecutor& executor() const;
  // The next frame. The first after reset() is computed in full.
  IntegerResult step(const std::vector<Tensor>& inputs, const RunOptions& options);
  void reset();  // forgets the frames; the ledger stays
  // A layer that multiplies one picture by constant weights an entry, in order.
  const std::vector<ChangeLedger>& ledger() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace deltahop
