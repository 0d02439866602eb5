// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/picture.h"

#include <cstdio>

#include <jpeglib.h>
#include <png.h>
#include <zlib.h>

#include <cstdlib>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/random.h"
#include "deltahop/io/picture_test_util.h"

namespace deltahop {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

Tensor random_picture(const Shape& shape, uint64_t seed) {
  Random random(seed);
  Tensor picture(DataType::uint8, shape);
  for (uint8_t& value : picture.values<uint8_t>()) value = static_cast<uint8_t>(random.integer(0, 255));
  return picture;
}

// libpng's low-level writer, for forms that its simplified interface does not write.
struct PngForm {
  int bit_depth = 8;
  int color_type = PNG_COLOR_TYPE_RGB;
  bool interlaced = false;
  std::vector<png_color> palette;
};

std::string encode(const PngForm& form, uint32_t width, uint32_t height,
                   std::vector<std::vector<uint8_t>> rows) {
  std::string out;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &out,
      [](png_structp p, png_bytep data, size_t count) {
        static_cast<std::string*>(png_get_io_ptr(p))->append(reinterpret_cast<const char*>(data), count);
      },
      [](png_structp) {});
  png_set_IHDR(png, info, width, height, form.bit_depth, form.color_type,
               form.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  if (!form.palette.empty())
    png_set_PLTE(png, info, form.palette.data(), static_cast<int>(form.palette.size()));
  std::vector<png_bytep> pointers;
  for (auto& row : rows) pointers.push_back(row.data());
  png_set_rows(png, info, pointers.data());
  png_write_png(png, info, PNG_TRANSFORM_IDENTITY, nullptr);
  png_destroy_write_struct(&png, &info);
  return out;
}

TEST(Png, KeepsEveryPixelOfGreyAndColourPictures) {
  for (const int64_t channels : {1, 3}) {
    const Tensor picture = random_picture({5, 7, channels}, 4);
    EXPECT_EQ(decode_picture(png_of(picture), "p"), picture);
  }
}

TEST(Png, ReadsInterlacedPictures) {
  const Tensor picture = random_picture({9, 8, 3}, 5);
  std::vector<std::vector<uint8_t>> rows;
  for (size_t row = 0; row < 9; ++row) {
    const auto values = picture.values<uint8_t>().subspan(row * 24, 24);
    rows.emplace_back(values.begin(), values.end());
  }
  EXPECT_EQ(decode_picture(encode({.interlaced = true, .palette = {}}, 8, 9, rows), "p"), picture);
}

TEST(Png, LaysAlphaOverBlack) {
  const std::string file = encode({.color_type = PNG_COLOR_TYPE_RGB_ALPHA, .palette = {}}, 2, 1,
                                  {{200, 100, 50, 255, 200, 100, 50, 128}});
  EXPECT_EQ(decode_picture(file, "p"), Tensor::of<uint8_t>({1, 2, 3}, {200, 100, 50, 100, 50, 25}));
}

TEST(Png, KeepsTheHighByteOfSixteenBits) {
  const std::string file = encode({.bit_depth = 16, .color_type = PNG_COLOR_TYPE_GRAY, .palette = {}}, 2, 1,
                                  {{0x12, 0xff, 0xfe, 0x00}});
  EXPECT_EQ(decode_picture(file, "p"), Tensor::of<uint8_t>({1, 2, 1}, {0x12, 0xfe}));
}

TEST(Png, LooksPalettesUpAndSpreadsSmallGreys) {
  const std::string palette = encode(
      {.bit_depth = 2, .color_type = PNG_COLOR_TYPE_PALETTE, .palette = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}}, 3,
      1, {{0b10'00'01'00}});
  EXPECT_EQ(decode_picture(palette, "p"), Tensor::of<uint8_t>({1, 3, 3}, {7, 8, 9, 1, 2, 3, 4, 5, 6}));
  const std::string grey =
      encode({.bit_depth = 1, .color_type = PNG_COLOR_TYPE_GRAY, .palette = {}}, 3, 1, {{0b101'00000}});
  EXPECT_EQ(decode_picture(grey, "p"), Tensor::of<uint8_t>({1, 3, 1}, {255, 0, 255}));
}

TEST(Picture, RefusesCutOffAndChangedFilesInOneLine) {
  const Tensor picture = random_picture({40, 40, 3}, 6);
  for (const std::string& file : {png_of(picture), jpeg_of(picture)}) {
    for (const size_t kept : {size_t{0}, size_t{5}, size_t{60}, file.size() / 2, file.size() - 20}) {
      EXPECT_THROW(decode_picture(file.substr(0, kept), "p"), Error) << kept << " of " << file.size();
    }
  }
  std::string changed = png_of(picture);
  changed[changed.size() / 2] = static_cast<char>(changed[changed.size() / 2] ^ 0x10);
  EXPECT_THAT([&] { decode_picture(changed, "p.png"); },
              ThrowsMessage<Error>(HasSubstr("p.png: is not a whole PNG picture")));
  EXPECT_THAT([&] { decode_picture("", "p"); }, ThrowsMessage<Error>(HasSubstr("is empty")));
  EXPECT_THAT([&] { decode_picture("GIF89a", "p"); },
              ThrowsMessage<Error>(HasSubstr("neither a PNG nor a JPEG")));
}

TEST(Picture, RefusesDimensionsThatItsBytesCannotHold) {
  std::string png = encode({.color_type = PNG_COLOR_TYPE_GRAY, .palette = {}}, 8, 8,
                           std::vector<std::vector<uint8_t>>(8, std::vector<uint8_t>(8)));
  // Width and height in the header chunk, with its checksum.
  const std::string sizes("\x00\x00\x20\x00\x00\x00\x20\x00", 8);
  png.replace(16, 8, sizes);
  const uint32_t sum = static_cast<uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(png.data() + 12), 17));
  for (int i = 0; i < 4; ++i) png[static_cast<size_t>(29 + i)] = static_cast<char>(sum >> (24 - 8 * i));
  EXPECT_THAT([&] { decode_picture(png, "p"); }, ThrowsMessage<Error>(HasSubstr("8192x8192")));
  std::string jpeg = jpeg_of(random_picture({8, 8, 1}, 1));
  const size_t frame = jpeg.find("\xff\xc0");
  jpeg.replace(frame + 5, 4, "\x20\x10\x20\x10");
  EXPECT_THAT([&] { decode_picture(jpeg, "p"); }, ThrowsMessage<Error>(HasSubstr("8208x8208")));
}

TEST(Jpeg, ComesCloseToThePictureThatWasStored) {
  for (const int64_t channels : {1, 3}) {
    Tensor picture(DataType::uint8, {32, 48, channels});
    for (int64_t row = 0; row < 32; ++row) {
      for (int64_t column = 0; column < 48; ++column) {
        for (int64_t c = 0; c < channels; ++c) {
          picture.values<uint8_t>()[static_cast<size_t>((row * 48 + column) * channels + c)] =
              static_cast<uint8_t>(2 * row + 3 * column + 10 * c);
        }
      }
    }
    const Tensor read = decode_picture(jpeg_of(picture), "p");
    ASSERT_EQ(read.shape(), picture.shape());
    int worst = 0;
    for (size_t i = 0; i < static_cast<size_t>(read.size()); ++i) {
      worst = std::max(worst, std::abs(int{read.values<uint8_t>()[i]} - int{picture.values<uint8_t>()[i]}));
    }
    EXPECT_LE(worst, 8);
  }
}

TEST(Jpeg, TurnsAdobesInvertedInksIntoLight) {
  Tensor inks(DataType::uint8, {16, 16, 4});
  for (size_t i = 0; i < 256; ++i) {
    const uint8_t values[] = {255, 0, 128, 128};
    std::memcpy(&inks.values<uint8_t>()[i * 4], values, 4);
  }
  const Tensor picture = decode_picture(jpeg_of(inks), "p");
  ASSERT_EQ(picture.shape(), (Shape{16, 16, 3}));
  EXPECT_NEAR(picture.values<uint8_t>()[0], 128, 2);
  EXPECT_NEAR(picture.values<uint8_t>()[1], 0, 2);
  EXPECT_NEAR(picture.values<uint8_t>()[2], 64, 2);
}

}  // namespace
}  // namespace deltahop
