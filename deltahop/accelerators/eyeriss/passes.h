// SPDX-License-Identifier: Apache-2.0
// What the array does in the passes of a layer, in closed form. A pass takes p t filters, q r channels, n
// pictures and e output rows; the last one along each dimension takes what is left. Passes of one kind do the
// same, so a layer is a short list of kinds.
//   for each n pictures, each e output rows:        sums of m filters stay in the buffer
//     for each m filters, each q r channels:        inputs of the channels are in the buffer
//       for each p t of the m filters: a pass
#pragma once

#include <vector>

#include "deltahop/accelerators/eyeriss/mapping.h"

namespace deltahop::eyeriss {

struct PassKind {
  int64_t times = 1;
  int64_t pictures = 1, filters = 1, channels = 1, rows = 1;
  bool first = false;  // of the channels: no sums are read from the buffer
};
std::vector<PassKind> pass_kinds(const LayerShape& layer, const Mapping& mapping);

// Words a cycle between buffer and array; bits a cycle of the link.
struct Rates {
  int64_t input_bus = 1, filter_bus = 4, sum_bus = 4;
  double link_bits = 19.2;
  int word_bits = 16;
};

// Counts in words. "taken": by every element that takes a word from the network.
struct ArrayCounts {
  int64_t compute_cycles = 0;  // every element has a slot for a multiplication
  int64_t filter_cycles = 0;   // ramp-up: filters of the pass go to the elements
  int64_t window_cycles = 0;   // ramp-up: the first window of every row
  int64_t bus_cycles = 0;      // beyond the computation: inputs or sums are not there
  int64_t link_cycles = 0;     // filters have not come from DRAM
  int64_t inputs_sent = 0, inputs_taken = 0;
  int64_t filters_sent = 0, filters_taken = 0;
  int64_t sums_read = 0, sums_written = 0,
          sums_taken = 0;  // taken: from the buffer and from the element below
  // Of the elements' own multiplications; the walking model counts them one by one, the fast one by the
  // pattern of zeros.
  int64_t macs_done = 0, macs_zero = 0, macs_padding = 0;

  ArrayCounts& operator+=(const ArrayCounts& other);
  friend bool operator==(const ArrayCounts&, const ArrayCounts&) = default;
};

// Cycles and words of all passes of all groups; macs_* stay 0.
ArrayCounts count_passes(const LayerShape& layer, const Mapping& mapping, const Rates& rates);
// Cycles that the link needs for the filters of a pass beyond those of the pass.
int64_t link_excess(int64_t filter_words, int64_t pass_cycles, const Rates& rates);

// Times that the picture's maps are read from DRAM, and words of filters read from DRAM.
int64_t input_fetches(const LayerShape& layer, const Mapping& mapping);
int64_t fetched_filter_words(const LayerShape& layer, const Mapping& mapping);

}  // namespace deltahop::eyeriss
