// SPDX-License-Identifier: Apache-2.0
// Pictures made for tests.
#pragma once

#include <cstdio>

#include <jpeglib.h>
#include <png.h>

#include <cstdlib>
#include <string>

#include "deltahop/tensor/tensor.h"

namespace deltahop {

// picture: uint8 [H, W, C], C = 1 or 3.
inline std::string png_of(const Tensor& picture) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(picture.dim(1));
  image.height = static_cast<png_uint_32>(picture.dim(0));
  image.format = picture.dim(2) == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t size = 0;
  DELTAHOP_CHECK(png_image_write_to_memory(&image, nullptr, &size, 0, picture.bytes().data(), 0, nullptr) !=
                 0);
  std::string out(size, '\0');
  DELTAHOP_CHECK(
      png_image_write_to_memory(&image, out.data(), &size, 0, picture.bytes().data(), 0, nullptr) != 0);
  out.resize(size);
  return out;
}

// C = 1, 3, or 4: inks as Adobe stores them.
inline std::string jpeg_of(const Tensor& picture) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &buffer, &size);
  info.image_width = static_cast<JDIMENSION>(picture.dim(1));
  info.image_height = static_cast<JDIMENSION>(picture.dim(0));
  info.input_components = static_cast<int>(picture.dim(2));
  info.in_color_space = picture.dim(2) == 1 ? JCS_GRAYSCALE : picture.dim(2) == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 95, TRUE);
  if (picture.dim(2) == 4) info.write_Adobe_marker = TRUE;
  jpeg_start_compress(&info, TRUE);
  const auto pixels = picture.values<uint8_t>();
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = const_cast<uint8_t*>(
        &pixels[size_t{info.next_scanline} * info.image_width * static_cast<size_t>(info.input_components)]);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  std::string out(reinterpret_cast<const char*>(buffer), size);
  jpeg_destroy_compress(&info);
  std::free(buffer);
  return out;
}

}  // namespace deltahop
