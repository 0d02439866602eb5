// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/random.h"
#include "deltahop/io/resize.h"
#include "deltahop/io/samples.h"

namespace deltahop {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

Sample picture(Tensor values) { return {"p.png", std::move(values), true, std::nullopt}; }
Sample array(Tensor values) { return {"a[0]", std::move(values), false, std::nullopt}; }

Tensor random_picture(int64_t rows, int64_t columns, int64_t channels) {
  Random random(3);
  Tensor tensor(DataType::uint8, {rows, columns, channels});
  for (uint8_t& value : tensor.values<uint8_t>()) value = static_cast<uint8_t>(random.integer(0, 255));
  return tensor;
}

std::vector<float> floats(const Tensor& tensor) {
  return {tensor.values<float>().begin(), tensor.values<float>().end()};
}

// The same filter in floating point, both directions at once.
double filtered(const Tensor& source, double row, double column, double row_scale, double column_scale,
                int64_t channel) {
  const double row_width = std::max(row_scale, 1.0), column_width = std::max(column_scale, 1.0);
  double sum = 0, weights = 0;
  for (int64_t r = 0; r < source.dim(0); ++r) {
    for (int64_t c = 0; c < source.dim(1); ++c) {
      const double weight =
          std::max(0.0, 1 - std::abs(static_cast<double>(r) + 0.5 - (row + 0.5) * row_scale) / row_width) *
          std::max(0.0,
                   1 - std::abs(static_cast<double>(c) + 0.5 - (column + 0.5) * column_scale) / column_width);
      sum += weight *
             source.values<uint8_t>()[static_cast<size_t>((r * source.dim(1) + c) * source.dim(2) + channel)];
      weights += weight;
    }
  }
  return sum / weights;
}

TEST(Resize, IsTheTriangleFilterWithinTheRoundingOfItsTwoPasses) {
  const Tensor source = random_picture(13, 17, 3);
  for (const auto& [rows, columns] :
       {std::pair<int64_t, int64_t>{5, 6}, {13, 8}, {20, 30}, {1, 1}, {13, 17}}) {
    const Tensor result = resized(source, rows, columns);
    ASSERT_EQ(result.shape(), (Shape{rows, columns, 3}));
    for (int64_t i = 0; i < result.size(); ++i) {
      const double expected =
          filtered(source, static_cast<double>(i / 3 / columns), static_cast<double>(i / 3 % columns),
                   13.0 / static_cast<double>(rows), 17.0 / static_cast<double>(columns), i % 3);
      EXPECT_NEAR(result.values<uint8_t>()[static_cast<size_t>(i)], expected, 1.01);
    }
  }
}

TEST(Resize, HalvesByTheWeightsOneThreeThreeOne) {
  // Shrinking by two, the triangle covers four pixels with weights 1 3 3 1 (of 8), cut and renormalised at
  // the borders.
  const Tensor row = Tensor::of<uint8_t>({1, 6, 1}, {10, 20, 30, 40, 50, 60});
  const Tensor result = resized(row, 1, 3);
  EXPECT_EQ(result.values<uint8_t>()[0], (10 * 3 + 20 * 3 + 30 + 3) / 7);
  EXPECT_EQ(result.values<uint8_t>()[1], (20 + 30 * 3 + 40 * 3 + 50 + 4) / 8);
}

// What Pillow 9.4's Image.resize(size, BILINEAR) makes of the same 7x5 picture.
TEST(Resize, EqualsPillowBitForBit) {
  Tensor source(DataType::uint8, {7, 5, 3});
  uint32_t state = 12345;
  for (uint8_t& value : source.values<uint8_t>()) {
    state = (state * 1103515245u + 12345u) & 0x7fffffffu;
    value = static_cast<uint8_t>(state >> 16);
  }
  const std::vector<uint8_t> smaller = {144, 66, 166, 121, 87,  93,  119, 129, 134,
                                        147, 76, 136, 124, 125, 161, 141, 148, 146};
  EXPECT_EQ(resized(source, 3, 2), Tensor::of<uint8_t>({3, 2, 3}, smaller));
  const std::vector<uint8_t> larger = {
      220, 4,   101, 203, 13,  125, 176, 28,  165, 107, 57,  193, 29,  90,  218, 140, 136, 112, 207, 163, 26,
      96,  121, 22,  30,  95,  19,  161, 68,  105, 179, 53,  143, 210, 28,  206, 132, 73,  188, 27,  137, 151,
      78,  105, 126, 118, 77,  96,  115, 66,  42,  112, 59,  10,  95,  108, 111, 136, 81,  158, 205, 36,  236,
      155, 84,  191, 75,  155, 116, 71,  72,  135, 81,  14,  136, 148, 56,  61,  187, 81,  16,  46,  73,  119,
      72,  67,  161, 113, 57,  229, 162, 75,  211, 213, 99,  170, 192, 49,  128, 179, 33,  88,  197, 154, 68,
      208, 228, 54,  25,  156, 89,  62,  151, 132, 125, 140, 203, 151, 103, 153, 167, 60,  72,  202, 31,  115,
      220, 18,  151, 167, 78,  160, 137, 113, 165, 31,  219, 65,  82,  194, 105, 168, 152, 171, 149, 123, 109,
      103, 97,  14,  162, 59,  107, 193, 31,  183, 113, 51,  192, 64,  63,  197, 62,  246, 62,  123, 190, 92,
      226, 98,  141, 154, 132, 90,  40,  198, 14,  87,  129, 106, 110, 76,  178, 50,  88,  158, 13,  96,  146,
      86,  197, 189, 106, 181, 192, 138, 153, 195, 100, 148, 147, 44,  147, 85,  80,  148, 156, 117, 146, 200,
      152, 132, 134, 173, 125, 95,  122, 100, 233, 133, 107, 208, 151, 117, 166, 106, 117, 155, 45,  114, 151,
      110, 165, 166, 171, 198, 171, 212, 158, 135, 237, 135, 114, 156, 4,   231, 174, 21,  185, 204, 48,  108,
      136, 73,  141, 44,  96,  201, 150, 178, 157, 235, 232, 125, 242, 171, 147, 246, 134, 160};
  EXPECT_EQ(resized(source, 10, 9), Tensor::of<uint8_t>({10, 9, 3}, larger));
  const std::vector<uint8_t> narrower = {
      199, 16, 132, 105, 95,  166, 115, 128, 22,  172, 76,  171, 77,  102, 148, 115, 18,  75,  74,  65,  172,
      190, 67, 170, 198, 139, 71,  73,  194, 129, 166, 64,  95,  165, 29,  205, 143, 174, 94,  106, 144, 78,
      54,  83, 162, 101, 176, 225, 73,  149, 158, 176, 152, 139, 179, 25,  172, 123, 120, 159, 241, 181, 143};
  EXPECT_EQ(resized(source, 7, 3), Tensor::of<uint8_t>({7, 3, 3}, narrower));
}

TEST(Prepared, OrdersSubtractsAndScalesChannelsAsDeclared) {
  const Sample sample = picture(Tensor::of<uint8_t>({1, 2, 3}, {10, 20, 30, 40, 50, 60}));
  Preprocessing declared;
  declared.channels = "bgr";
  declared.mean = {1, 2, 3};
  declared.scale = {2};
  EXPECT_THAT(floats(prepared(sample, declared, {1, 3, 1, 2})), ElementsAre(58, 118, 36, 96, 14, 74));
  declared.layout = "nhwc";
  EXPECT_THAT(floats(prepared(sample, declared, {1, 1, 2, 3})), ElementsAre(58, 36, 14, 118, 96, 74));
}

TEST(Prepared, CopiesGreyToThreeChannelsAndMakesColourGrey) {
  EXPECT_THAT(floats(prepared(picture(Tensor::of<uint8_t>({1, 1, 1}, {7})), {}, {1, 3, 1, 1})),
              ElementsAre(7, 7, 7));
  Preprocessing declared;
  declared.channels = "gray";
  const Sample colour = picture(Tensor::of<uint8_t>({1, 1, 3}, {200, 100, 50}));
  // 0.299 R + 0.587 G + 0.114 B = 124.2
  EXPECT_THAT(floats(prepared(colour, declared, {1, 1, 1, 1})), ElementsAre(124));
  EXPECT_THAT(
      [&] {
        prepared(colour, {}, {1, 1, 1, 1});
      },
      ThrowsMessage<Error>(HasSubstr("declare 'channels: gray'")));
}

TEST(Prepared, CropsTheMiddleAfterResizingTheShortSide) {
  Tensor values(DataType::uint8, {4, 9, 1});
  for (int i = 0; i < 36; ++i) values.values<uint8_t>()[static_cast<size_t>(i)] = static_cast<uint8_t>(i);
  Preprocessing declared;
  declared.resize_short_side = 4;
  declared.center_crop = true;
  // 9 columns to 4: the rest of 5 is split 2 and 3; 4 rows to 2: 1 and 1.
  EXPECT_THAT(floats(prepared(picture(values), declared, {1, 1, 2, 4})),
              ElementsAre(11, 12, 13, 14, 20, 21, 22, 23));
  EXPECT_THAT(
      [&] {
        prepared(picture(values), {}, {1, 1, 2, 4});
      },
      ThrowsMessage<Error>(HasSubstr("4x9 pixels, the network asks for 2x4")));
  EXPECT_THAT(
      [&] {
        prepared(picture(values), declared, {1, 1, 8, 8});
      },
      ThrowsMessage<Error>(HasSubstr("too small")));
}

TEST(Prepared, FlattensPicturesForFlatInputs) {
  const Sample sample = picture(Tensor::of<uint8_t>({2, 2, 1}, {1, 2, 3, 4}));
  EXPECT_THAT(floats(prepared(sample, {}, {1, 4})), ElementsAre(1, 2, 3, 4));
  EXPECT_THROW(prepared(sample, {}, {1, 5}), Error);
}

TEST(Prepared, TakesArraysAsStoredAndNeverTransposesThem) {
  const Tensor values = Tensor::of<float>({2, 1, 2}, {1, 2, 3, 4});
  Preprocessing declared;
  declared.mean = {1};
  declared.scale = {0.5};
  EXPECT_THAT(floats(prepared(array(values), declared, {1, 2, 1, 2})), ElementsAre(0, 0.5, 1, 1.5));
  const Tensor channels_last(DataType::float32, {4, 4, 3});
  EXPECT_THAT(
      [&] {
        prepared(array(channels_last), {}, {1, 3, 4, 4});
      },
      ThrowsMessage<Error>(HasSubstr("arrays are taken as stored")));
  const Tensor three = Tensor::of<float>({3, 1, 1}, {5, 5, 5});
  declared.mean = {1, 2, 3};
  EXPECT_THAT(floats(prepared(array(three), declared, {1, 3, 1, 1})), ElementsAre(2, 1.5, 1));
}

TEST(Preprocessing, GoesToTextAndBack) {
  const std::string text =
      "resize_short_side: 256\ncrop: center\nchannels: bgr\nmean: [104, 117.5, 123]\nscale: 1/255\n";
  const Preprocessing read = parse_preprocessing(text, "t");
  EXPECT_EQ(read.resize_short_side, 256);
  EXPECT_TRUE(read.center_crop);
  EXPECT_THAT(read.mean, ElementsAre(104, 117.5, 123));
  EXPECT_THAT(read.scale, ElementsAre(1.0 / 255));
  EXPECT_EQ(to_text(parse_preprocessing(to_text(read), "t")), to_text(read));
  EXPECT_EQ(parse_preprocessing(to_text(read), "t").scale, read.scale);
}

TEST(Preprocessing, IsStrict) {
  EXPECT_THAT([] { parse_preprocessing("croop: center\n", "t"); },
              ThrowsMessage<Error>(HasSubstr("did you mean 'crop'")));
  EXPECT_THAT([] { parse_preprocessing("mean: [1, 2]\n", "t"); },
              ThrowsMessage<Error>(HasSubstr("2 values")));
  EXPECT_THAT([] { parse_preprocessing("scale: 1/0\n", "t"); },
              ThrowsMessage<Error>(HasSubstr("'1/0' is not a number")));
  EXPECT_THAT([] { parse_preprocessing("resize: [4, 4]\nresize_short_side: 3\n", "t"); },
              ThrowsMessage<Error>(HasSubstr("declare one of them")));
}

}  // namespace
}  // namespace deltahop
