// SPDX-License-Identifier: Apache-2.0
// The IDX format of the MNIST data set [LeCun1998]: two zero bytes, a type, the number of dimensions, the
// dimensions and the elements, all big-endian.
#pragma once

#include <string_view>

#include "deltahop/io/npy_header.h"

namespace deltahop {

bool is_idx(std::string_view start);
// `start` holds at least the header (at most 4 + 4 * 255 bytes). Throws Error (place: `name`).
NpyHeader parse_idx_header(std::string_view start, std::string_view name);

}  // namespace deltahop
