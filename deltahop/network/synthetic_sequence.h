// SPDX-License-Identifier: Apache-2.0
// Sequences through delta GRU layers in which every value changes with one probability: for questions of size
// and sparsity alone, where no weights are at hand.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "deltahop/network/integer_delta_gru.h"

namespace deltahop {

// A change of this much is far beyond every threshold of a 16-bit word.
inline constexpr int16_t kFarChange = 16384;

// Values go to and fro between 0 and `change`, each with probability `density` in each step; the outputs of a
// layer are the inputs of the next. Of the layers only sizes and thresholds are looked at. Codes [steps,
// inputs] and [steps, hidden].
std::vector<RecurrentTrace> synthetic_sequence(
    const std::vector<std::shared_ptr<const IntegerDeltaGruLayer>>& layers, int64_t steps, double density,
    uint64_t seed, int16_t change = kFarChange);

}  // namespace deltahop
