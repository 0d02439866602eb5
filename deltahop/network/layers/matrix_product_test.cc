// SPDX-License-Identifier: Apache-2.0
// Gemm, MatMul and their integer forms against sums written out.
#include <gtest/gtest.h>

#include "deltahop/network/layer_testing.h"
#include "deltahop/network/matrix_product.h"

namespace deltahop {
namespace {

// alpha * A' * B' + beta * C for C of any of the shapes that broadcast to [rows, columns].
std::vector<double> gemm(const Tensor& a, const Tensor& b, const Tensor& c, bool transpose_a,
                         bool transpose_b, double alpha, double beta) {
  const int64_t rows = a.dim(transpose_a ? 1 : 0), inner = a.dim(transpose_a ? 0 : 1),
                columns = b.dim(transpose_b ? 0 : 1);
  const auto at = [](const Tensor& tensor, int64_t row, int64_t column, bool transpose) {
    const int64_t index = transpose ? column * tensor.dim(1) + row : row * tensor.dim(1) + column;
    return static_cast<double>(tensor.values<float>()[static_cast<size_t>(index)]);
  };
  const Shape c_shape = c.rank() == 2 ? c.shape() : c.rank() == 1 ? Shape{1, c.dim(0)} : Shape{1, 1};
  const Tensor addend = c.reshaped(c_shape);
  std::vector<double> result;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < inner; ++k) sum += at(a, i, k, transpose_a) * at(b, k, j, transpose_b);
      result.push_back(alpha * sum +
                       beta * at(addend, c_shape[0] == 1 ? 0 : i, c_shape[1] == 1 ? 0 : j, false));
    }
  }
  return result;
}

TEST(Gemm, EqualsItsDefinitionForEveryTranspositionAndBroadcast) {
  Random random(61);
  for (int trial = 0; trial < 64; ++trial) {
    SCOPED_TRACE(trial);
    const bool transpose_a = trial % 2 != 0, transpose_b = trial / 2 % 2 != 0;
    const int64_t rows = trial % 3 == 0 ? 1 : random.integer(2, 6), inner = random.integer(1, 9),
                  columns = random.integer(2, 7);
    const Tensor a = random_tensor(random, transpose_a ? Shape{inner, rows} : Shape{rows, inner});
    const Tensor b = random_tensor(random, transpose_b ? Shape{columns, inner} : Shape{inner, columns});
    const std::vector<Shape> shapes = {{}, {1}, {columns}, {1, columns}, {rows, 1}, {rows, columns}};
    const Tensor c = random_tensor(random, shapes[static_cast<size_t>(random.integer(0, 5))]);
    const float alpha = trial % 5 == 0 ? 1.0f : 0.5f, beta = trial % 7 == 0 ? 1.0f : -2.0f;
    const Attributes attributes = {
        {"alpha", alpha}, {"beta", beta}, {"transA", int64_t{transpose_a}}, {"transB", int64_t{transpose_b}}};
    const auto expected =
        gemm(a, b, c, transpose_a, transpose_b, static_cast<double>(alpha), static_cast<double>(beta));
    for (const DataType type : {DataType::float32, DataType::float64}) {
      const Tensor x = a.converted(type), y = b.converted(type), z = c.converted(type);
      const Tensor got = run_layer("Gemm", attributes, {&x, &y, &z})[0].converted(DataType::float64);
      for (size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(got.values<double>()[i], expected[i], 1e-4);
    }
  }
}

TEST(Gemm, AccumulatesExactSumsWithBiasForEveryTransposition) {
  Random random(62);
  for (int trial = 0; trial < 16; ++trial) {
    const bool transpose_a = trial % 2 != 0, transpose_b = trial / 2 % 2 != 0;
    const int64_t rows = random.integer(1, 4), inner = random.integer(1, 70), columns = random.integer(1, 40);
    const Tensor a =
        random_codes<int16_t>(random, transpose_a ? Shape{inner, rows} : Shape{rows, inner}, -32768, 32767);
    const Tensor b = random_codes<int16_t>(
        random, transpose_b ? Shape{columns, inner} : Shape{inner, columns}, -32768, 32767);
    const Tensor c = random_codes<int64_t>(random, {columns}, -(int64_t{1} << 45), int64_t{1} << 45);
    const auto layer =
        made_layer("Gemm", {{"transA", int64_t{transpose_a}}, {"transB", int64_t{transpose_b}}}, 3);
    const std::vector<IntegerValue> inputs = {{&a, 3}, {&b, 14}, {&c, 17}};
    const auto result = layer->accumulate(inputs, {.threads = 2});
    ASSERT_TRUE(result);
    EXPECT_EQ(result->fraction_bits, 17);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) {
        int64_t sum = c.values<int64_t>()[static_cast<size_t>(j)];
        for (int64_t k = 0; k < inner; ++k) {
          sum +=
              int64_t{a.values<int16_t>()[static_cast<size_t>(transpose_a ? k * rows + i : i * inner + k)]} *
              b.values<int16_t>()[static_cast<size_t>(transpose_b ? j * inner + k : k * columns + j)];
        }
        ASSERT_EQ(result->sums.values<int64_t>()[static_cast<size_t>(i * columns + j)], sum);
      }
    }
  }
}

TEST(Gemm, HasNoIntegerRuleWhereItScales) {
  const Tensor a = Tensor::zeros(DataType::int16, {1, 1});
  const std::vector<IntegerValue> inputs = {{&a, 0}, {&a, 0}};
  EXPECT_FALSE(made_layer("Gemm", {{"alpha", 0.5f}}, 2)->accumulate(inputs, {}));
}

TEST(Gemm, OneRowIsAFullyConnectedWorkloadAndMoreAreAMatrixProduct) {
  const Tensor weights = Tensor::zeros(DataType::float32, {10, 84});
  const auto layer = made_layer("Gemm", {{"transB", int64_t{1}}}, 2);
  const auto workload_of = [&](int64_t rows) {
    const std::vector<std::optional<ValueInfo>> infos = {
        ValueInfo{DataType::float32, Shape{rows, 84}, nullptr},
        ValueInfo{DataType::float32, weights.shape(), &weights}};
    return layer->workload(infos).value();
  };
  EXPECT_EQ(workload_of(1).kind, WorkloadKind::fully_connected);
  EXPECT_EQ(workload_of(1).macs(), 840);
  EXPECT_EQ(workload_of(5).kind, WorkloadKind::matrix_product);
  EXPECT_EQ(workload_of(5).macs(), 5 * 840);
  EXPECT_EQ(workload_of(5).weights(), 840);
}

TEST(Gemm, RefusesShapesThatDoNotFit) {
  const Tensor a = Tensor::zeros(DataType::float32, {2, 3}), b = Tensor::zeros(DataType::float32, {4, 5}),
               c = Tensor::zeros(DataType::float32, {3});
  const Tensor fits = Tensor::zeros(DataType::float32, {3, 5}),
               stack = Tensor::zeros(DataType::float32, {1, 2, 3});
  EXPECT_THROW(run_layer("Gemm", {}, {&a, &b}), Error);
  EXPECT_THROW(run_layer("Gemm", {}, {&a, &fits, &c}), Error);
  EXPECT_THROW(run_layer("Gemm", {}, {&stack, &fits}), Error);
  EXPECT_THROW(run_layer("Gemm", {}, {&a}), Error);
}

// numpy's rule, one output at a time: leading dimensions broadcast.
std::vector<double> matmul(const Tensor& a, const Tensor& b, const Shape& output) {
  const Tensor x = a.converted(DataType::float64), y = b.converted(DataType::float64);
  const int64_t rows = a.dim(a.rank() - 2), inner = a.dim(a.rank() - 1), columns = b.dim(b.rank() - 1);
  std::vector<double> result(static_cast<size_t>(element_count(output)));
  for (size_t i = 0; i < result.size(); ++i) {
    int64_t rest = static_cast<int64_t>(i) / (rows * columns), in_a = 0, in_b = 0, a_step = 1, b_step = 1;
    for (size_t from_end = 3; from_end <= output.size(); ++from_end) {
      const int64_t at = rest % output[output.size() - from_end];
      rest /= output[output.size() - from_end];
      const int64_t a_size = from_end <= a.rank() ? a.dim(a.rank() - from_end) : 1;
      const int64_t b_size = from_end <= b.rank() ? b.dim(b.rank() - from_end) : 1;
      in_a += at % a_size * a_step;
      in_b += at % b_size * b_step;
      a_step *= a_size;
      b_step *= b_size;
    }
    const int64_t row = static_cast<int64_t>(i) / columns % rows, column = static_cast<int64_t>(i) % columns;
    for (int64_t k = 0; k < inner; ++k) {
      result[i] += x.values<double>()[static_cast<size_t>((in_a * rows + row) * inner + k)] *
                   y.values<double>()[static_cast<size_t>((in_b * inner + k) * columns + column)];
    }
  }
  return result;
}

TEST(MatMul, BroadcastsStacksOfMatricesAsNumpyDoes) {
  Random random(63);
  const std::vector<std::pair<Shape, Shape>> shapes = {
      {{3, 4}, {4, 5}},          {{2, 3, 4}, {4, 5}},         {{3, 4}, {2, 4, 5}},
      {{2, 1, 3, 4}, {6, 4, 5}}, {{6, 3, 4}, {2, 1, 4, 5}},   {{2, 6, 3, 4}, {1, 4, 5}},
      {{1, 1, 4}, {2, 6, 4, 1}}, {{2, 6, 3, 4}, {2, 6, 4, 5}}};
  for (const auto& [left, right] : shapes) {
    const Tensor a = random_codes<int32_t>(random, left, -100, 100),
                 b = random_codes<int32_t>(random, right, -100, 100);
    for (const DataType type : {DataType::int32, DataType::float32, DataType::float64, DataType::int64}) {
      const Tensor x = a.converted(type), y = b.converted(type);
      const Tensor got = run_layer("MatMul", {}, {&x, &y})[0];
      EXPECT_EQ(list_of<double>(got.converted(DataType::float64)), matmul(a, b, got.shape()))
          << to_text(left) << " " << to_text(right);
    }
  }
}

TEST(MatMul, VectorsAreARowOnTheLeftAndAColumnOnTheRight) {
  const Tensor vector = Tensor::of<float>({2}, {1, 10}), matrix = Tensor::of<float>({2, 2}, {1, 2, 3, 4});
  const Tensor row = run_layer("MatMul", {}, {&vector, &matrix})[0],
               column = run_layer("MatMul", {}, {&matrix, &vector})[0];
  EXPECT_EQ(row, Tensor::of<float>({2}, {31, 42}));
  EXPECT_EQ(column, Tensor::of<float>({2}, {21, 43}));
  EXPECT_EQ(run_layer("MatMul", {}, {&vector, &vector})[0], Tensor::of<float>({}, {101}));
}

TEST(MatMul, AccumulatesStackedRowsTimesOneMatrix) {
  Random random(64);
  const Tensor a = random_codes<int16_t>(random, {2, 3, 50}, -32768, 32767),
               b = random_codes<int16_t>(random, {50, 9}, -32768, 32767);
  const std::vector<IntegerValue> inputs = {{&a, 1}, {&b, 2}};
  const auto result = made_layer("MatMul", {}, 2)->accumulate(inputs, {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->sums.shape(), (Shape{2, 3, 9}));
  EXPECT_EQ(list_of<double>(result->sums.converted(DataType::float64)), matmul(a, b, {2, 3, 9}));
  const std::vector<IntegerValue> stacked = {{&a, 1}, {&a, 2}};
  EXPECT_FALSE(made_layer("MatMul", {}, 2)->accumulate(stacked, {}));
}

TEST(MatMul, RefusesShapesThatDoNotFit) {
  const Tensor a = Tensor::zeros(DataType::float32, {2, 3}), b = Tensor::zeros(DataType::float32, {4, 5});
  const Tensor two = Tensor::zeros(DataType::float32, {2, 3, 3}),
               three = Tensor::zeros(DataType::float32, {3, 3, 3});
  const Tensor scalar = Tensor::scalar<float>(1);
  EXPECT_THROW(run_layer("MatMul", {}, {&a, &b}), Error);
  EXPECT_THROW(run_layer("MatMul", {}, {&two, &three}), Error);
  EXPECT_THROW(run_layer("MatMul", {}, {&a, &scalar}), Error);
}

TEST(MatMulInteger, SubtractsZeroPointsPerRowAndPerColumn) {
  Random random(65);
  const Tensor a = random_codes<uint8_t>(random, {3, 4}, 0, 255),
               b = random_codes<int8_t>(random, {4, 2}, -128, 127);
  const Tensor a_zero = Tensor::of<uint8_t>({3}, {0, 7, 255}), b_zero = Tensor::of<int8_t>({2}, {-128, 5});
  const Tensor y = run_layer("MatMulInteger", {}, {&a, &b, &a_zero, &b_zero})[0];
  ASSERT_EQ(y.type(), DataType::int32);
  for (size_t row = 0; row < 3; ++row) {
    for (size_t column = 0; column < 2; ++column) {
      int32_t sum = 0;
      for (size_t k = 0; k < 4; ++k) {
        sum += (a.values<uint8_t>()[row * 4 + k] - a_zero.values<uint8_t>()[row]) *
               (b.values<int8_t>()[k * 2 + column] - b_zero.values<int8_t>()[column]);
      }
      EXPECT_EQ(y.values<int32_t>()[row * 2 + column], sum);
    }
  }
}

}  // namespace
}  // namespace deltahop
