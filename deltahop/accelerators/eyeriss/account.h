// SPDX-License-Identifier: Apache-2.0
// From counts of the array and sizes of the maps off chip to Stats: one booking for the fast and the walking
// model.
#pragma once

#include "deltahop/accelerators/eyeriss/plan.h"
#include "deltahop/simulate/stats.h"

namespace deltahop::eyeriss {

// Bits of one feature map off chip, under the link's compression.
struct MapSizes {
  Bits input, output;  // of all pictures of the trace
};
MapSizes map_sizes(const EyerissConfig& chip, const LayerPlan& plan, const LayerTrace& trace);
Bits map_bits(Compression compression, int word_bits, int64_t values, int64_t stored_pairs);

// counts: of the whole batch; sizes: of the trace's pictures. Stats: of the trace, which is a share of the
// batch where it has one picture.
Stats book(const EyerissConfig& chip, const LayerPlan& plan, const ArrayCounts& counts,
           const MapSizes& sizes);

// Multiplications of the whole batch by the pattern of zeros.
void count_macs(const LayerPlan& plan, const Tensor& input, ArrayCounts& counts);

}  // namespace deltahop::eyeriss
