// SPDX-License-Identifier: Apache-2.0
// The blocks of the ticking model and the wires between them. A step is one column of one stripe; every block
// goes through all steps in order and may begin one when those it depends on have come far enough.
#pragma once

#include <vector>

#include "deltahop/accelerators/nullhop/ticking.h"

namespace deltahop::nullhop {

struct Pixel {
  int16_t value;
  int32_t row, channel;  // row of the image
};

// What the blocks see of each other: how many steps each has finished, the pixels on their way, the sums in
// the MACs.
struct Wires {
  explicit Wires(const TickingPass& pass);

  int64_t stripe_of(int64_t step) const { return step / columns; }
  int64_t column_of(int64_t step) const { return step % columns; }
  int64_t slowest_controller() const;
  int64_t slowest_manager() const;
  bool rows_arrived_for(int64_t stripe) const { return rows_arrived >= sweep.in_rows_of(stripe).last; }
  std::vector<Pixel>& pixels(int64_t step, size_t controller) {
    return waiting[static_cast<size_t>(step) % slots * controllers.size() + controller];
  }
  // Sums of all MACs for an output position: [controller][output of the pass].
  int64_t* sums(int64_t stripe, int64_t row_in_stripe, int64_t column);

  const TickingPass& pass;
  const Sweep& sweep;
  int64_t columns, steps, outputs;
  int64_t rows_arrived = 0;
  std::vector<int64_t> managers, controllers;  // steps finished by each
  int64_t pooling = 0;
  size_t slots;  // columns of pixels that are held between managers and controllers
  std::vector<std::vector<Pixel>> waiting;  // [slot][controller]
  int64_t stripes_held = 0;
  std::vector<int64_t> partial_sums;  // [stripe held][column][row in stripe][controller][output]
  PassEvents events;
};

// Brings the image, row by row, as the input memory has room.
struct InputPort {
  Wires& wires;
  int64_t left = 0;  // cycles of the row on its way
  bool begin();
  void tick();
  bool busy() const { return left > 0; }
  bool idle() const { return wires.rows_arrived == wires.sweep.input.rows; }
};

// Reads the non-zero pixels of one row of the stripe and hands each to the controller that owns its channel.
struct Manager {
  Wires& wires;
  size_t index = 0;
  std::vector<Pixel> column = {};  // decoded and not yet handed on
  bool active = false;
  size_t word = 0;     // next word of the input memory
  unsigned marks = 0;  // of the sparsity-map word in hand
  bool begin();
  void tick();
  bool busy() const { return active; }
  bool idle() const { return wires.managers[index] == wires.steps; }

 private:
  void decode(int64_t step);
  void hand_on(int64_t count);
};

// Applies one pixel at a time to its MACs, one output position a cycle.
struct Controller {
  Wires& wires;
  size_t index = 0;
  size_t pixel = 0;  // of the step's list
  Range rows = {}, columns = {};
  int64_t row = 0, column = 0;
  bool active = false;
  bool begin();
  void tick();
  bool busy() const { return active; }
  bool idle() const { return wires.controllers[index] == wires.steps; }

 private:
  bool take_pixel();  // the next one that reaches an output
  void finish_step();
};

// Adds the MACs that share an output, shifts, rectifies, pools, encodes.
struct PoolingUnit {
  Wires& wires;
  int64_t left = 0;
  std::vector<int16_t> words = {},
                       previous = {};  // of the column in hand and of the one before: [row in stripe][output]
  bool begin();
  void tick();
  bool busy() const { return left > 0; }
  bool idle() const { return wires.pooling == wires.steps; }

 private:
  int64_t take_column(int64_t stripe, int64_t column);  // bits that go to the port
  void read_sums(int64_t stripe, int64_t column);
  int64_t store(int64_t row, int64_t column, int64_t row_in_stripe);
  void count_padding(Range rows, int64_t column);
};

}  // namespace deltahop::nullhop
