// SPDX-License-Identifier: Apache-2.0
// From how many sent columns on the dense product is the faster one: measured once for the machine, the shape
// and the kind of numbers, then remembered for the life of the process. Both paths give the same sums to the
// bit, so that only speed depends on the answer.
//   count >= break_even_columns<int8_t, int32_t>(rows, columns) ? add_dense(...) : add_columns(...)
#pragma once

#include <cstdint>

namespace deltahop {

// In [1, columns + 1]; columns + 1 where the dense product never is faster. W, Sum as in
// kernels/delta_matvec.h: <float, float>, <int8_t, int32_t>, <int8_t, int64_t>, <int16_t, int32_t>, <int16_t,
// int64_t>. Takes some milliseconds the first time for a shape; safe to call from several threads.
template <class W, class Sum>
int64_t break_even_columns(int64_t rows, int64_t columns);

}  // namespace deltahop
