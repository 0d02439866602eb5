// SPDX-License-Identifier: Apache-2.0
// PNG and JPEG pictures as bytes, decoded as common Python tools do (same DCT, same upsampling), so that
// published accuracies can be met.
#pragma once

#include <string_view>

#include "deltahop/tensor/tensor.h"

namespace deltahop {

// By the first bytes, not by the name.
bool is_png(std::string_view content);
bool is_jpeg(std::string_view content);

// uint8 [H, W, C]; C is 1 for grey pictures and 3 (RGB) for all others. 16-bit samples keep their high byte;
// palettes are looked up; an alpha channel is laid over black; CMYK becomes RGB by the plain formula; gamma,
// colour profiles and EXIF rotation are not applied. Throws Error (place: `name`) on a damaged or cut-off
// picture, on more than 2^26 pixels, and on dimensions that the file's size cannot account for.
Tensor decode_picture(std::string_view content, std::string_view name);

// One format each; called by decode_picture.
Tensor decode_png(std::string_view content, std::string_view name);
Tensor decode_jpeg(std::string_view content, std::string_view name);

constexpr uint64_t kMostPixels = uint64_t{1} << 26;

}  // namespace deltahop
