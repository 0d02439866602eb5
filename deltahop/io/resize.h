// SPDX-License-Identifier: Apache-2.0
// Resizing of 8-bit pictures: bilinear with antialiasing (the filter widens when shrinking), two passes in
// 22-bit fixed point with 8-bit pixels in between. This is what Pillow's Image.resize(BILINEAR) does, bit for
// bit, and thereby what torchvision does to PIL pictures.
#pragma once

#include "deltahop/tensor/tensor.h"

namespace deltahop {

// picture: uint8 [H, W, C]; returns uint8 [rows, columns, C].
Tensor resized(const Tensor& picture, int64_t rows, int64_t columns);

}  // namespace deltahop
