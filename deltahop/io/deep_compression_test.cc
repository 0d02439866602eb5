// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/deep_compression.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace deltahop {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// One layer of 40 weights: entries at 2, 18 (a filler for a gap of 17, code 0) and 20.
std::string small_file() {
  std::string file;
  put<uint32_t>(file, 3);
  for (int i = 0; i < 256; ++i) put<float>(file, static_cast<float>(i) / 4);
  put<float>(file, 0.5f);
  put<float>(file, -0.5f);
  file += {'\x07', '\x00', '\x09'};
  file += {static_cast<char>(0x02 | 0xf0), static_cast<char>(0x01)};
  return file;
}

TEST(DeepCompression, PlacesCodesByTheirGaps) {
  const auto layers = parse_deep_compression(small_file(), "a.net", {{2, 20}});
  ASSERT_EQ(layers.size(), 1u);
  Tensor expected(DataType::float32, {2, 20});
  expected.values<float>()[2] = 7.0f / 4;
  expected.values<float>()[20] = 9.0f / 4;
  EXPECT_EQ(layers[0].weights, expected);
  EXPECT_EQ(layers[0].bias, Tensor::of<float>({2}, {0.5f, -0.5f}));
  EXPECT_EQ(layers[0].stored_entries, 3);
}

TEST(DeepCompression, RefusesAFileOfAnotherNetwork) {
  const std::string file = small_file();
  const auto parse = [](const std::string& content, const Shape& shape) {
    parse_deep_compression(content, "a.net", {shape});
  };
  EXPECT_THAT([&] { parse(file, {2, 10}); }, ThrowsMessage<Error>(HasSubstr("beyond its shape")));
  EXPECT_THAT([&] { parse(file, {2, 1}); }, ThrowsMessage<Error>(HasSubstr("only 2 weights")));
  EXPECT_THAT([&] { parse(file + "x", {2, 20}); }, ThrowsMessage<Error>(HasSubstr("1 bytes more")));
  EXPECT_THAT([&] { parse(file, {3, 20}); }, ThrowsMessage<Error>(HasSubstr("cut off")));
  EXPECT_THAT([&] { parse("", {3, 20}); }, ThrowsMessage<Error>(HasSubstr("is empty")));
}

// The convolutions of SqueezeNet 1.0 in network order [Iandola2016].
std::vector<Shape> squeezenet_shapes() {
  std::vector<Shape> shapes = {{96, 3, 7, 7}};
  int64_t channels = 96;
  for (const int64_t squeeze : {16, 16, 32, 32, 48, 48, 64, 64}) {
    shapes.push_back({squeeze, channels, 1, 1});
    shapes.push_back({4 * squeeze, squeeze, 1, 1});
    shapes.push_back({4 * squeeze, squeeze, 3, 3});
    channels = 8 * squeeze;
  }
  shapes.push_back({1000, channels, 1, 1});
  return shapes;
}

TEST(DeepCompression, ReadsTheAuthorsSqueezeNetToItsLastByte) {
  const char* data = std::getenv("DELTAHOP_DATA");
  if (data == nullptr) GTEST_SKIP() << "DELTAHOP_DATA is not set";
  const auto layers = read_deep_compression(
      std::filesystem::path(data) / "squeezenet_deep_compression/compressed_SqueezeNet.net",
      squeezenet_shapes());
  int64_t weights = 0, nonzero = 0, stored = 0;
  for (const CompressedLayer& layer : layers) {
    weights += layer.weights.size();
    nonzero += count_nonzero(layer.weights);
    stored += layer.stored_entries;
  }
  EXPECT_EQ(weights, 1244448);
  EXPECT_EQ(nonzero, 415921);
  EXPECT_EQ(stored, 422083);
}

}  // namespace
}  // namespace deltahop
