// SPDX-License-Identifier: Apache-2.0
// Reads memory in its order as fast as one thread can: the yardstick for what the delta products move.
#pragma once

#include <cstdint>
#include <span>

namespace deltahop {

// The sum of all words, modulo 2^64; whole vectors only.
uint64_t read_all(std::span<const uint64_t> words);

}  // namespace deltahop
