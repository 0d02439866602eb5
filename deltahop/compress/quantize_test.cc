// SPDX-License-Identifier: Apache-2.0
#include "deltahop/compress/quantize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "deltahop/base/random.h"
#include "deltahop/compress/range.h"

namespace deltahop {
namespace {

using ::testing::HasSubstr;
using Integers = std::vector<int64_t>;

template <class Function>
std::string message_of(Function&& function) {
  try {
    function();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::vector<Tensor> one(Tensor tensor) {
  std::vector<Tensor> tensors;
  tensors.push_back(std::move(tensor));
  return tensors;
}

// conv -> relu -> max pooling -> average pooling -> fully connected
Network small_network() {
  NetworkBuilder builder("small");
  const ValueId x = builder.input("x", DataType::float32, {1, 1, 4, 4});
  const ValueId conv = builder.node(
      "Conv", "conv", {x, builder.constant("conv/w", Tensor::of<float>({1, 1, 1, 1}, {-3.0f}))})[0];
  const ValueId relu = builder.node("Relu", "relu", {conv})[0];
  const ValueId pool = builder.node("MaxPool", "pool", {relu},
                                    {{"kernel_shape", Integers{2, 2}}, {"strides", Integers{2, 2}}})[0];
  const ValueId mean = builder.node("GlobalAveragePool", "mean", {pool})[0];
  const ValueId flat = builder.node("Flatten", "flat", {mean})[0];
  builder.output(builder.node("Gemm", "fc",
                              {flat, builder.constant("fc/w", Tensor::of<float>({1, 2}, {0.3f, -0.6f}))})[0]);
  return builder.build();
}

Tensor ramp() {
  Tensor input(DataType::float32, {1, 1, 4, 4});
  for (int i = 0; i < 16; ++i) input.values<float>()[static_cast<size_t>(i)] = static_cast<float>(i - 8);
  return input;
}

FixedFormat format_of(const IntegerModel& model, std::string_view name) {
  return model.formats.at(model.network.find_value(name));
}

TEST(Range, FormatHoldsTheLargestMagnitudeAndNotTwiceIt) {
  Random random(1);
  for (int trial = 0; trial < 2000; ++trial) {
    const int bits = static_cast<int>(random.integer(2, 16));
    Range range(bits);
    const double size = std::exp(random.uniform(-12, 12));
    Tensor tensor(DataType::float32, {9});
    for (float& value : tensor.values<float>()) value = static_cast<float>(random.uniform(-size, size));
    range.add(tensor, 1);
    const FixedFormat format = range.format(0);
    const double top = static_cast<double>(format.highest()) * format.step();
    EXPECT_LE(range.largest(), top);
    EXPECT_GT(2 * range.largest(), top * (1 - 1e-9));
    EXPECT_EQ(range.clipped_fraction(format), 0);
  }
}

TEST(Range, ClippedFractionIsTheShareBeyondTheRange) {
  // 0.5 .. 0.75 fits Q1.7 (to 0.992), ten of a thousand need Q3.5, one needs Q8.0.
  std::vector<float> values(1000, 0.5f);
  for (size_t i = 0; i < 10; ++i) values[i * 7] = 3.5f;
  values[500] = -100.0f;
  Range range(8);
  range.add(Tensor::of<float>({1000}, values), 2);
  EXPECT_EQ(range.format(0), (FixedFormat{8, 0, true}));
  EXPECT_EQ(range.format(0.001), (FixedFormat{8, 5, true}));
  EXPECT_EQ(range.format(0.0109), (FixedFormat{8, 5, true}));
  EXPECT_EQ(range.format(0.011), (FixedFormat{8, 7, true}));
  EXPECT_DOUBLE_EQ(range.clipped_fraction({8, 5, true}), 0.001);
  EXPECT_DOUBLE_EQ(range.clipped_fraction({8, 7, true}), 0.011);
  EXPECT_DOUBLE_EQ(range.clipped_fraction({8, 0, true}), 0);
}

TEST(Range, MergedRangesEqualOneThatSawAll) {
  Random random(2);
  Range all(12), first(12), second(12);
  for (int i = 0; i < 20; ++i) {
    Tensor tensor(DataType::float32, {100});
    for (float& value : tensor.values<float>())
      value = static_cast<float>(random.normal() * (i == 3 ? 40 : 1));
    all.add(tensor, 1);
    (i % 2 == 0 ? first : second).add(tensor, 1);
  }
  first.merge(second);
  EXPECT_EQ(first.count(), all.count());
  for (const double share : {0.0, 0.001, 0.02, 0.3})
    EXPECT_EQ(first.format(share), all.format(share)) << share;
}

TEST(Range, LargestMagnitudeOfManyThreadsIsThatOfOne) {
  Random random(3);
  Tensor tensor(DataType::float32, {300000});
  for (float& value : tensor.values<float>()) value = static_cast<float>(random.normal());
  tensor.values<float>()[299999] = -77.5f;
  EXPECT_EQ(largest_magnitude(tensor, 3), 77.5);
  EXPECT_EQ(largest_magnitude(tensor, 1), largest_magnitude(tensor));
  tensor.values<float>()[5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(largest_magnitude(tensor, 2), std::numeric_limits<double>::infinity());
}

TEST(Calibrator, TakesTheFewestIntegerBitsThatHoldWhatWasSeen) {
  Calibrator calibrator(small_network(), {});
  calibrator.add(one(ramp()));  // -8 .. 7; conv -21 .. 24; relu 0 .. 24; mean 9.75
  const IntegerModel model = calibrator.model();
  EXPECT_EQ(to_text(format_of(model, "x")), "Q5.11");  // 8 itself is beyond 4 bits and a sign
  EXPECT_EQ(to_text(format_of(model, "pool:0")), "Q6.10");
  EXPECT_EQ(to_text(format_of(model, "mean:0")), "Q5.11");
  EXPECT_EQ(to_text(format_of(model, "conv/w")), "Q3.13");
  EXPECT_EQ(to_text(format_of(model, "fc/w")), "Q1.15");
}

TEST(Calibrator, ValuesInsideAStageShareTheFormatOfWhatIsStored) {
  Calibrator calibrator(small_network(), {});
  Tensor input(DataType::float32, {1, 1, 4, 4});
  for (float& value : input.values<float>()) value = 30.0f;  // conv -90, relu 0
  input.values<float>()[0] = -1.0f;                          // relu 3
  calibrator.add(one(std::move(input)));
  const IntegerModel model = calibrator.model();
  for (const char* name : {"conv:0", "relu:0", "pool:0"})
    EXPECT_EQ(to_text(format_of(model, name)), "Q3.13") << name;
}

TEST(Calibrator, SumsThatWrapMustAllFit) {
  CalibrationOptions options;
  options.arithmetic.overflow = Overflow::wrap;
  Calibrator calibrator(small_network(), options);
  calibrator.add(one(Tensor::of<float>({1, 1, 4, 4}, std::vector<float>(16, 30.0f))));
  EXPECT_EQ(to_text(format_of(calibrator.model(), "pool:0")), "Q8.8");  // conv reaches -90
}

TEST(Calibrator, WidthsClippingAndGivenFormatsDecide) {
  CalibrationOptions options;
  options.arithmetic.activation_bits = 8;
  options.arithmetic.weight_bits = 4;
  options.clipped_fraction = 0.1;  // one of sixteen inputs may be cut
  options.given_formats = {{"relu:0", {6, 2, true}}};
  Calibrator calibrator(small_network(), options);
  std::vector<float> values(16, 0.4f);
  values[3] = 60.0f;
  calibrator.add(one(Tensor::of<float>({1, 1, 4, 4}, values)));
  const IntegerModel model = calibrator.model();
  EXPECT_EQ(to_text(format_of(model, "x")), "Q0.8");
  EXPECT_EQ(to_text(format_of(model, "conv/w")), "Q3.1");
  for (const char* name : {"conv:0", "relu:0", "pool:0"})
    EXPECT_EQ(to_text(format_of(model, name)), "Q4.2") << name;
  EXPECT_DOUBLE_EQ(calibrator.clipped_fraction(model.network.find_value("x"), format_of(model, "x")),
                   1.0 / 16);
}

TEST(Calibrator, OneFormatForAllActivationsNeedsNoData) {
  CalibrationOptions options;
  options.activation_format = FixedFormat{16, 8, true};
  const IntegerModel model = Calibrator(small_network(), options).model();
  for (const char* name : {"x", "conv:0", "pool:0", "mean:0", "flat:0", "fc:0"})
    EXPECT_EQ(to_text(format_of(model, name)), "Q8.8") << name;
  EXPECT_EQ(to_text(format_of(model, "fc/w")), "Q1.15");
}

TEST(Calibrator, RefusesWhatMakesNoFormats) {
  EXPECT_THAT(message_of([] { Calibrator(small_network(), {}).model(); }), HasSubstr("no input was given"));
  CalibrationOptions options;
  options.given_formats = {{"relo:0", {8, 4, true}}};
  EXPECT_THAT(message_of([&] {
                Calibrator calibrator(small_network(), options);
                calibrator.add(one(ramp()));
                calibrator.model();
              }),
              HasSubstr("did you mean 'relu:0'?"));
  options = {};
  options.arithmetic.weight_bits = 17;
  EXPECT_THAT(message_of([&] { Calibrator(small_network(), options); }), HasSubstr("2 to 16 bits"));
  Tensor broken = ramp();
  broken.values<float>()[0] = std::numeric_limits<float>::infinity();
  EXPECT_THAT(message_of([&] { Calibrator(small_network(), {}).add(one(broken)); }), HasSubstr("value 'x'"));
}

}  // namespace
}  // namespace deltahop
