// SPDX-License-Identifier: Apache-2.0
// Time without ticking: when each column is pushed, asked for, begun and done follows from the column before
// it, the FIFO's depth and the arrival of its weights. Equal to the ticking model (ticking.h) for every
// trace; tests hold that.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "deltahop/accelerators/edge_drnn/datapath.h"

namespace deltahop::edge_drnn {

// Why the cycles of a layer passed; sums over steps.
struct LayerEvents {
  int64_t steps = 0;
  int64_t sent_x = 0, sent_h = 0, bias_columns = 0;
  int64_t compute_cycles = 0;   // a beat of weights is used in each
  int64_t encoding_cycles = 0;  // the elements wait for the next delta
  int64_t dram_cycles = 0;      // a delta is in hand, its weights are not
  int64_t activation_cycles = 0, fill_cycles = 0;

  int64_t columns() const { return sent_x + sent_h; }
  int64_t cycles() const {
    return compute_cycles + encoding_cycles + dram_cycles + activation_cycles + fill_cycles;
  }
  friend bool operator==(const LayerEvents&, const LayerEvents&) = default;
};

// Asks for a column at a cycle and gives the cycles from which on its beats are there, ascending; empty where
// weights are always in time. Cycles never go backwards.
using WeightFeed =
    std::function<void(int64_t address, int64_t bytes, int64_t cycle, std::vector<int64_t>& arrivals)>;

// Cycles of the activation phase and of the pipeline, the same in every step.
int64_t activation_cycles(const EdgeDrnnConfig& chip, const LayerPlace& place);

// The deltas of every step, the bias before those of the first; state is carried along.
std::vector<SentColumn> encode_step(const RecurrentTrace& trace, int64_t step, EncoderState& state);

// Adds one step of one layer that begins at `start`; returns the cycle at which it ends.
int64_t schedule_step(const EdgeDrnnConfig& chip, const LayerPlace& place, std::span<const SentColumn> sent,
                      int64_t start, const WeightFeed& feed, LayerEvents& events);

// All steps of layers that follow one another in every step.
std::vector<LayerEvents> schedule(const EdgeDrnnConfig& chip, std::span<const RecurrentTrace* const> traces,
                                  const WeightFeed& feed);

// The closed form: max(I + H, columns * 3H/K) + 5 (H/K + 1) + 1 + fill. A lower bound of schedule_step()
// without a feed; exact where the elements never wait between their first column and the end of the scan:
// if all deltas are zero, if all are sent, and wherever the first element sends and columns come faster than
// they are used up.
int64_t closed_form_cycles(const EdgeDrnnConfig& chip, const LayerPlace& place, int64_t columns);

}  // namespace deltahop::edge_drnn
