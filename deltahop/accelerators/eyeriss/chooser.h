// SPDX-License-Identifier: Apache-2.0
// The mapping of a layer whose mapping is not published: the one with the least product of the time of the
// array and the energy of moving data, over all mappings that fit the chip. README.md explains the objective
// and how near it comes to the published mappings.
#pragma once

#include <optional>

#include "deltahop/accelerators/eyeriss/passes.h"

namespace deltahop::eyeriss {

// Energy of moving a dense layer's data between elements, buffer and DRAM, in multiplications with their
// addition: 2, 6 and 200 a word [Chen2016].
double moving_energy(const LayerShape& layer, const Mapping& mapping, const ArrayCounts& counts);
int64_t array_cycles(const ArrayCounts& counts);

// All combinations in which n divides the batch, m the filters and p t divides m, so that no pass is emptier
// than the others but along channels and rows. Ties: fewer cycles, then the smaller numbers in the order m n
// e p q r t. Absent where nothing fits.
std::optional<Mapping> choose_mapping(const Array& array, const LayerShape& layer, const Rates& rates);

}  // namespace deltahop::eyeriss
