// SPDX-License-Identifier: Apache-2.0
// What one pass over the image did, as counted by the ticking model or by the fast path, and how it is booked
// as Stats.
#pragma once

#include <vector>

#include "deltahop/accelerators/nullhop/plan.h"
#include "deltahop/simulate/stats.h"

namespace deltahop::nullhop {

// The image as it comes through the port, row by row.
struct InputStream {
  bool compressed = true;
  std::vector<int64_t> port_bits;  // of each row
  std::vector<int64_t> held_bits;  // of each row in the input memory, where it is always compressed
  bool fits = true;                // all of it at once: later passes need not send it again

  int64_t port_cycles(int64_t row, int64_t bits_per_cycle) const {
    return (port_bits[static_cast<size_t>(row)] + bits_per_cycle - 1) / bits_per_cycle;
  }
  // The image must be sent for this pass, and the pass must wait for its end.
  bool sent_in(int64_t pass) const { return pass == 0 || !fits; }
  bool sent_first(const NullhopConfig& chip) const { return fits && chip.input_load == Loading::serial; }
};
InputStream input_stream(const NullhopConfig& chip, const Sweep& sweep,
                         std::span<const int64_t> row_nonzeros);

// Non-zero pixels of the stored map for each pass and pixel position: what the encoder has to send.
struct OutputCounts {
  int64_t rows = 0, columns = 0;
  std::vector<int32_t> nonzeros;  // [pass, row, column]
  int64_t at(int64_t pass, int64_t row, int64_t column) const {
    return nonzeros[static_cast<size_t>((pass * rows + row) * columns + column)];
  }
};
// stored: one group's map [K, P', Q'] as it leaves the chip.
OutputCounts count_output(const LayerPlan& plan, std::span<const int16_t> stored);
// Where the map is not known: spread evenly at this density.
OutputCounts spread_output(const LayerPlan& plan, double density);

// Bits that position (row, column) of the stored map adds to the output stream of a pass: a sparsity-map word
// for every 16 pixels of the row, begun with the first of them, and the non-zero pixels; all pixels where
// ReLU is off, because then the output is not compressed.
int64_t output_bits(const NullhopConfig& chip, const LayerPlan& plan, int64_t outputs, int64_t column,
                    int64_t nonzeros);

struct PassEvents {
  int64_t compute_cycles = 0;  // the array works, or waits for pixels that are in the input memory
  int64_t input_cycles = 0;    // it waits for rows that have not come
  int64_t output_cycles = 0;   // it waits for the pooling unit
  int64_t macs_done = 0, macs_zero_input = 0, macs_padding = 0;
  int64_t input_port_bits = 0, input_port_cycles = 0;
  int64_t input_written_bits = 0, input_read_bits = 0;  // of the input memory
  int64_t output_port_bits = 0;
  int64_t sums_finished = 0;  // outputs before pooling
  friend bool operator==(const PassEvents&, const PassEvents&) = default;
};

Stats book_pass(const NullhopConfig& chip, const LayerPlan& plan, int64_t pass, const PassEvents& events);

}  // namespace deltahop::nullhop
