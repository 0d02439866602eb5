// SPDX-License-Identifier: Apache-2.0
// How often this test program has asked for memory: the operators are replaced in allocation_counter_test.cc.
#pragma once

#include <cstdint>

namespace deltahop {

int64_t allocation_count();

}  // namespace deltahop
