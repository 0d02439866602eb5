// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "deltahop/kernels/conv2d.h"
#include "deltahop/network/convolution.h"
#include "deltahop/network/layer_testing.h"

namespace deltahop {
namespace {

struct Case {
  Shape input, weights;
  Attributes attributes;
  int64_t groups = 1;
};

// A convolution over `rank` axes with everything that Conv allows, small enough for the plain loops.
Case random_case(Random& random, size_t rank) {
  Case made;
  made.groups = random.chance(0.4) ? random.integer(2, 3) : 1;
  const int64_t channels = made.groups * random.integer(1, 3);
  made.input = {random.integer(1, 2), channels};
  made.weights = {made.groups * random.integer(1, 3), channels / made.groups};
  Integers strides, dilations, begins, ends;
  for (size_t axis = 0; axis < rank; ++axis) {
    made.input.push_back(random.integer(5, 8));
    made.weights.push_back(random.integer(1, 3));
    strides.push_back(random.integer(1, 3));
    dilations.push_back(random.integer(1, 2));
    begins.push_back(random.integer(0, 2));
    ends.push_back(random.integer(0, 2));
  }
  begins.insert(begins.end(), ends.begin(), ends.end());
  made.attributes = {
      {"strides", strides}, {"dilations", dilations}, {"pads", begins}, {"group", made.groups}};
  return made;
}

// Output position by output position straight from the definition in ONNX, without help from our own
// geometry.
std::vector<double> by_definition(const Case& one, const Tensor& x, const Tensor& w, const Tensor& bias,
                                  const Shape& output) {
  const size_t rank = x.rank() - 2;
  const auto strides = one.attributes.integers("strides"), dilations = one.attributes.integers("dilations"),
             pads = one.attributes.integers("pads");
  const auto x_strides = strides_of(x.shape()), w_strides = strides_of(w.shape()),
             y_strides = strides_of(output);
  std::vector<double> result(static_cast<size_t>(element_count(output)));
  for (size_t y = 0; y < result.size(); ++y) {
    const int64_t n = static_cast<int64_t>(y) / y_strides[0],
                  k = static_cast<int64_t>(y) / y_strides[1] % output[1];
    double sum = static_cast<double>(bias.values<float>()[static_cast<size_t>(k)]);
    for (int64_t tap = 0; tap < w_strides[0]; ++tap) {
      int64_t at =
          n * x_strides[0] + (k / (output[1] / one.groups) * w.dim(1) + tap / w_strides[1]) * x_strides[1];
      bool inside = true;
      for (size_t a = 0; a < rank; ++a) {
        const int64_t out = static_cast<int64_t>(y) / y_strides[a + 2] % output[a + 2];
        const int64_t in = out * strides[a] + tap / w_strides[a + 2] % w.dim(a + 2) * dilations[a] - pads[a];
        inside = inside && in >= 0 && in < x.dim(a + 2);
        at += in * x_strides[a + 2];
      }
      if (inside) {
        sum += static_cast<double>(x.values<float>()[static_cast<size_t>(at)]) *
               static_cast<double>(w.values<float>()[static_cast<size_t>(k * w_strides[0] + tap)]);
      }
    }
    result[y] = sum;
  }
  return result;
}

TEST(Conv, EqualsItsDefinitionOverOneTwoAndThreeAxes) {
  Random random(41);
  for (int trial = 0; trial < 90; ++trial) {
    SCOPED_TRACE(trial);
    const Case one = random_case(random, static_cast<size_t>(trial % 3) + 1);
    const Tensor x = random_tensor(random, one.input), w = random_tensor(random, one.weights),
                 b = random_tensor(random, {one.weights[0]});
    const Tensor y = run_layer("Conv", one.attributes, {&x, &w, &b})[0];
    const std::vector<double> expected = by_definition(one, x, w, b, y.shape());
    for (size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(y.values<float>()[i], expected[i], 1e-4);
  }
}

TEST(Conv, DoublesAndHalvesGiveTheFloatResultInTheirOwnPrecision) {
  Random random(42);
  const Case one = random_case(random, 2);
  const Tensor x = random_tensor(random, one.input), w = random_tensor(random, one.weights);
  const Tensor y = run_layer("Conv", one.attributes, {&x, &w})[0];
  for (const auto& [type, tolerance] :
       {std::pair(DataType::float64, 1e-4), {DataType::float16, 3e-2}, {DataType::bfloat16, 2e-1}}) {
    const Tensor other_x = x.converted(type), other_w = w.converted(type);
    const Tensor other = run_layer("Conv", one.attributes, {&other_x, &other_w})[0];
    ASSERT_EQ(other.type(), type);
    const Tensor back = other.converted(DataType::float32);
    for (int64_t i = 0; i < y.size(); ++i) {
      ASSERT_NEAR(back.values<float>()[static_cast<size_t>(i)], y.values<float>()[static_cast<size_t>(i)],
                  tolerance);
    }
  }
}

TEST(Conv, AccumulatesExactlyTheSumsOfTheReference) {
  Random random(43);
  for (int trial = 0; trial < 40; ++trial) {
    const Case one = random_case(random, static_cast<size_t>(trial % 2) + 1);
    const Tensor x = random_codes<int16_t>(random, one.input, -32768, 32767),
                 w = random_codes<int16_t>(random, one.weights, -32768, 32767);
    const Tensor b = random_codes<int64_t>(random, {one.weights[0]}, -(int64_t{1} << 40), int64_t{1} << 40);
    const auto layer = made_layer("Conv", one.attributes, 3);
    const std::vector<IntegerValue> inputs = {{&x, 8}, {&w, 11}, {&b, 19}};
    const auto result = layer->accumulate(inputs, {.threads = 2});
    ASSERT_TRUE(result);
    EXPECT_EQ(result->fraction_bits, 19);
    EXPECT_EQ(result->divisor, 1);
    const auto attributes = ConvolutionAttributes::read(one.attributes);
    const auto geometry =
        ConvolutionGeometry::of(attributes.window, attributes.groups, one.input, one.weights);
    Tensor expected(DataType::int64, geometry.output_shape());
    convolve_reference<int16_t, int64_t>(*geometry.planar(), x.values<int16_t>(), w.values<int16_t>(),
                                         b.values<int64_t>(), expected.values<int64_t>());
    EXPECT_EQ(result->sums, expected);
  }
}

TEST(Conv, SamePaddingSplitsAnOddPixelAsItsNameSays) {
  const Tensor x = Tensor::of<float>({1, 1, 1, 4}, {1, 2, 3, 4}),
               w = Tensor::of<float>({1, 1, 1, 2}, {1, 10});
  EXPECT_EQ(list_of<float>(run_layer("Conv", {{"auto_pad", "SAME_UPPER"}}, {&x, &w})[0]),
            (std::vector<float>{21, 32, 43, 4}));
  EXPECT_EQ(list_of<float>(run_layer("Conv", {{"auto_pad", "SAME_LOWER"}}, {&x, &w})[0]),
            (std::vector<float>{10, 21, 32, 43}));
  EXPECT_EQ(list_of<float>(run_layer("Conv", {{"auto_pad", "VALID"}}, {&x, &w})[0]),
            (std::vector<float>{21, 32, 43}));
}

TEST(Conv, WorkloadCountsTheMultiplicationsOfAnAlexNetLayer) {
  // [Krizhevsky2012] second layer in two groups: 27x27x256 outputs of 5x5x48 products.
  const Tensor weights = Tensor::zeros(DataType::float32, {256, 48, 5, 5});
  const auto layer = made_layer("Conv", {{"group", int64_t{2}}, {"pads", Integers{2, 2, 2, 2}}}, 2);
  const std::vector<std::optional<ValueInfo>> infos = {
      ValueInfo{DataType::float32, Shape{1, 96, 27, 27}, nullptr},
      ValueInfo{DataType::float32, weights.shape(), &weights}};
  const auto workload = layer->workload(infos);
  ASSERT_TRUE(workload);
  EXPECT_EQ(workload->macs(), 27 * 27 * 256 * 5 * 5 * 48);
  EXPECT_EQ(workload->weights(), 256 * 48 * 5 * 5);
  EXPECT_EQ(workload->operand_bits, 16);
}

TEST(Conv, AttributesMakeTheSameLayerAgain) {
  Random random(44);
  const Case one = random_case(random, 2);
  const Tensor x = random_tensor(random, one.input), w = random_tensor(random, one.weights);
  const auto layer = made_layer("Conv", one.attributes, 2);
  EXPECT_EQ(run_layer("Conv", one.attributes, {&x, &w})[0],
            run_layer("Conv", layer->attributes(), {&x, &w})[0]);
}

TEST(Conv, UnknownShapesStayUnknown) {
  const auto layer = made_layer("Conv", {}, 2);
  const std::vector<std::optional<ValueInfo>> infos = {
      ValueInfo{}, ValueInfo{DataType::float32, Shape{8, 3, 3, 3}, nullptr}};
  EXPECT_FALSE(layer->infer(infos)[0].shape);
  EXPECT_FALSE(layer->workload(infos));
}

void expect_refused(const Attributes& attributes, const Shape& x, const Shape& w, const std::string& part) {
  const std::vector<std::optional<ValueInfo>> infos = {ValueInfo{DataType::float32, x, nullptr},
                                                       ValueInfo{DataType::float32, w, nullptr}};
  try {
    made_layer("Conv", attributes, 2)->infer(infos);
    FAIL() << "not refused: " << part;
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(Conv, RefusesWhatDoesNotFitAndSaysWhy) {
  expect_refused({}, {1, 3, 4, 4}, {8, 3, 5, 5}, "the kernel reaches over 5 positions");
  expect_refused({}, {1, 4, 9, 9}, {8, 3, 5, 5}, "are for 3 input channels, the input has 4");
  expect_refused({{"group", int64_t{2}}}, {1, 3, 9, 9}, {8, 3, 5, 5}, "2 groups do not divide");
  expect_refused({{"group", int64_t{0}}}, {1, 3, 9, 9}, {8, 3, 5, 5}, "0 groups do not divide");
  expect_refused({{"strides", Integers{1}}}, {1, 3, 9, 9}, {8, 3, 5, 5}, "'strides' has 1 numbers");
  expect_refused({{"strides", Integers{0, 1}}}, {1, 3, 9, 9}, {8, 3, 5, 5}, "'strides' holds 0");
  expect_refused({{"pads", Integers{-1, 0, 0, 0}}}, {1, 3, 9, 9}, {8, 3, 5, 5}, "'pads' holds -1");
  expect_refused({{"dilations", Integers{1, INT64_MAX}}}, {1, 3, 9, 9}, {8, 3, 5, 5}, "'dilations' holds");
  expect_refused({{"kernel_shape", Integers{3, 3}}}, {1, 3, 9, 9}, {8, 3, 5, 5}, "kernel_shape is 3x3");
  expect_refused({{"auto_pad", "SAME"}}, {1, 3, 9, 9}, {8, 3, 5, 5}, "auto_pad is 'SAME'");
  expect_refused({{"pad", Integers{1}}}, {1, 3, 9, 9}, {8, 3, 5, 5}, "the attribute 'pad' is not supported");
  expect_refused({}, {1, 3, INT64_MAX, INT64_MAX}, {8, 3, 5, 5}, "too large");
}

}  // namespace
}  // namespace deltahop
