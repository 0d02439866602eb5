// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/break_even.h"

namespace deltahop {

template <class W, class Sum>
int64_t break_even_columns(int64_t, int64_t columns) {
  return columns + 1;
}

template int64_t break_even_columns<float, float>(int64_t, int64_t);
template int64_t break_even_columns<int8_t, int32_t>(int64_t, int64_t);
template int64_t break_even_columns<int8_t, int64_t>(int64_t, int64_t);
template int64_t break_even_columns<int16_t, int32_t>(int64_t, int64_t);
template int64_t break_even_columns<int16_t, int64_t>(int64_t, int64_t);

}  // namespace deltahop
