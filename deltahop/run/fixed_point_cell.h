// SPDX-License-Identifier: Apache-2.0
// A delta GRU in fixed point with table activations, as EdgeDRNN computes it [Gao2020], by the native
// kernels: the same bits and the same columns as the integer reference (network/integer_delta_gru.h) and the
// chip.
#pragma once

#include <memory>

#include "deltahop/network/integer_delta_gru.h"
#include "deltahop/run/delta_engine.h"

namespace deltahop {

// Values in and out are floats that stand for codes: inputs are rounded to the activation format, what comes
// out is exact. options.thresholds are not used: the layer has its own. Throws Error where the weights'
// format is wider than 8 bits.
std::unique_ptr<CellEngine> make_fixed_point_cell(std::shared_ptr<const IntegerDeltaGruLayer> layer,
                                                  const EngineOptions& options);

}  // namespace deltahop
