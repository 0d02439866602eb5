// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/yaml_network.h"

#include <cmath>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/files.h"
#include "deltahop/io/npz.h"

namespace deltahop {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::ThrowsMessage;

Network read(const std::string& layers, const LoadOptions& options = {}, const fs::path& folder = "") {
  return read_yaml_network(
      Config::from_text("name: n\ninput: {name: x, shape: [1, 2, 8, 8]}\n" + layers, "n.yaml"), options,
      folder);
}

auto reading(const std::string& layers) {
  return [layers] { read(layers); };
}

const Tensor& constant(const Network& network, const std::string& name) {
  const ValueId id = network.find_value(name);
  DELTAHOP_CHECK(id != kNoValue && network.value(id).constant != nullptr);
  return *network.value(id).constant;
}

TEST(YamlNetwork, BecomesOrdinaryOperatorsWithKnownShapes) {
  const Network network = read(
      "layers:\n"
      "  - {name: a, type: conv, out_channels: 4, kernel: 3, stride: 2, pad: 1, batch_norm: a_bn, "
      "activation: relu}\n"
      "  - {name: b, type: max_pool, kernel: 2}\n");
  std::vector<std::string> operators;
  for (const Node& node : network.nodes()) operators.emplace_back(node.layer->operator_name());
  EXPECT_EQ(operators, (std::vector<std::string>{"Conv", "BatchNormalization", "Relu", "MaxPool"}));
  EXPECT_EQ(network.value(network.outputs().at(0)).shape, (Shape{1, 4, 2, 2}));
  EXPECT_EQ(constant(network, "a.weight").shape(), (Shape{4, 2, 3, 3}));
  EXPECT_EQ(network.find_value("a.bias"), kNoValue);  // batch normalisation brings its own
  EXPECT_EQ(constant(network, "a_bn.running_var"), Tensor::of<float>({4}, {1, 1, 1, 1}));
}

Network read_sequences(const std::string& shape, const std::string& layers) {
  return read_yaml_network(
      Config::from_text("name: n\ninput: {name: x, shape: " + shape + "}\n" + layers, "n.yaml"), {}, "");
}

TEST(YamlNetwork, GrusReadSequencesOfAnyLengthAndGiveAllStatesOrTheLast) {
  const Network network = read_sequences("[time, 1, 5]",
                                         "layers:\n"
                                         "  - {name: first, type: gru, units: 4}\n"
                                         "  - {name: second, type: gru, units: 3, output: last}\n"
                                         "  - {name: fc, type: fc, out_features: 2}\n");
  EXPECT_EQ(network.inputs()[0].declared, (Shape{kSymbolic, 1, 5}));
  EXPECT_EQ(network.inputs()[0].dimension_names[0], "time");
  EXPECT_EQ(network.nodes()[0].name, "first");
  EXPECT_EQ(network.nodes()[0].layer->attributes().integer("linear_before_reset", 0), 1);
  EXPECT_EQ(constant(network, "second.W").shape(), (Shape{1, 9, 4}));
  EXPECT_EQ(constant(network, "second.R").shape(), (Shape{1, 9, 3}));
  EXPECT_EQ(constant(network, "second.B").shape(), (Shape{1, 18}));
  const Network bound = network.bound({{7, 1, 5}});
  EXPECT_EQ(bound.value(bound.find_value("first.states")).shape, (Shape{7, 1, 4}));
  EXPECT_EQ(bound.value(bound.outputs()[0]).shape, (Shape{1, 2}));
}

TEST(YamlNetwork, AGruOfPicturesAndAnOpenLengthOfPicturesAreFaults) {
  EXPECT_THAT(reading("layers:\n  - {name: g, type: gru, units: 4}\n"),
              ThrowsMessage<Error>(HasSubstr("a GRU reads [time, 1, features]")));
  const auto open_rows = [] {
    read_sequences("[1, time, 5]", "layers:\n  - {name: g, type: gru, units: 4}\n");
  };
  EXPECT_THAT(open_rows, ThrowsMessage<Error>(HasSubstr("[1, time, 5] is no shape of an input")));
}

TEST(YamlNetwork, BlocksRepeatWithTheirArguments) {
  const Network network = read(
      "blocks:\n  wide:\n    layers:\n"
      "      - {name: 'l${s}_$i', type: conv, inputs: $input, out_channels: $width, kernel: 1}\n"
      "layers:\n  - {block: wide, repeat: 2, from: 1, with: {s: 7, width: 3}}\n  - {block: wide, with: {s: "
      "8, width: 5}}\n");
  ASSERT_EQ(network.nodes().size(), 3u);
  EXPECT_EQ(network.nodes()[1].name, "l7_2");
  EXPECT_EQ(constant(network, "l7_2.weight").shape(), (Shape{3, 3, 1, 1}));
  EXPECT_EQ(constant(network, "l8_0.weight").shape(), (Shape{5, 3, 1, 1}));
}

TEST(YamlNetwork, RandomWeightsKeepTheVarianceOfReluLayers) {
  const Network network = read("layers:\n  - {name: a, type: conv, out_channels: 500, kernel: 3}\n");
  const Tensor& weights = constant(network, "a.weight");
  double sum = 0, squares = 0;
  for (const float weight : weights.values<float>()) {
    sum += weight;
    squares += double{weight} * weight;
  }
  const double count = static_cast<double>(weights.size());
  // Variance 2 / fan-in; five standard errors of 9000 uniform numbers.
  EXPECT_NEAR(sum / count, 0, 5 * std::sqrt(2.0 / 18 / count));
  EXPECT_NEAR(squares / count, 2.0 / 18, 5 * 2.0 / 18 * std::sqrt(0.8 / count));
}

TEST(YamlNetwork, FaultsHaveLineAndColumn) {
  const std::string good = "layers:\n  - {name: a, type: conv, out_channels: 4}\n";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"layers:\n  - {name: a, type: convv, out_channels: 4}\n",
       "n.yaml:4:15: 'convv' is not possible for 'type'; did you mean 'conv'?"},
      {"layers:\n  - {name: a, type: conv, out_chanels: 4}\n", "out_channels' is missing"},
      {"layers:\n  - {name: a, type: conv, out_channels: four}\n",
       "n.yaml:4:27: 'four' is not a whole number"},
      {"layers:\n  - {name: a, type: conv, out_channels: 4, kernel: [1, 2, 3]}\n", "'kernel' has 3 values"},
      {"layers:\n  - {name: a, type: conv, out_channels: 4, groups: 3}\n", "3 groups do not divide"},
      {"layers:\n  - {name: a, type: conv, out_channels: 4, kernel: 9}\n", "n.yaml:4:5: layer 'a'"},
      {"layers:\n  - {name: a, type: add}\n", "'add' has 1 inputs"},
      {"layers:\n  - {name: a, type: relu, inputs: b}\n", "'b' is no layer above this one"},
      {"layers:\n  - {name: x, type: relu}\n", "two layers are called 'x'"},
      {"layers:\n  - {name: a, type: relu}\n  - {name: a, type: relu}\n", "two layers are called 'a'"},
      {"layers:\n  - {name: a.weight, type: relu}\n  - {name: a, type: conv, out_channels: 1}\n",
       "two values are called 'a.weight'"},
      {"layers:\n  - {name: a$b, type: relu}\n", "'$b' stands for nothing here"},
      {"layers:\n  - {block: c}\n", "there is no block 'c'"},
      {"layers:\n  - relu\n", "a layer is a map of keys"},
      {"layers: []\n", "has no 'layers'"},
      {"layers:\n  - {name: a, type: conv, out_channels: 16000000, kernel: 3000}\n", "too large"},
      {good + "blocks: {d: {layers: [{name: z, type: relu}]}}\n", "the block 'd' is not used"},
      {good + "outputs: [q]\n", "the output 'q' is no layer"},
      {good + "weights: {file: ../w.npz}\n", "lies outside the network's folder"},
      {good + "weights: {file: /w.npz}\n", "n.yaml:5:11: '/w.npz' lies outside"},
      {good + "classes: 3\n", "'classes' must be a list"},
      {good + "weights: {tensors: [{parameter: 'a*b*', tensor: c}]}\n", "more than one '*'"},
      {good + "weights: {tensors: [{parameter: a, tensor: c, scale: 2^x}]}\n", "'2^x' is no scale"},
      {good + "weights: {tensors: [{parameter: a, tensor: c, layout: [out, out]}]}\n", "stands twice"}};
  for (const auto& [text, message] : cases)
    EXPECT_THAT(reading(text), ThrowsMessage<Error>(HasSubstr(message))) << text;
}

TEST(YamlNetwork, MetadataCarriesPreprocessingAndClasses) {
  const Network network =
      read("layers: [{name: a, type: relu}]\npreprocessing: {channels: bgr}\nclasses: [cat, dog]\n");
  EXPECT_EQ(network.metadata().at("classes"), "cat\ndog");
  EXPECT_THAT(network.metadata().at("preprocessing"), HasSubstr("channels: bgr"));
  EXPECT_EQ(network.metadata().at("weights"), "random, seed 1");
}

class Weights : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        fs::path(testing::TempDir()) /
        ("deltahop_weights_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path folder_;
};

constexpr const char* kLayers = "layers:\n  - {name: a, type: conv, out_channels: 3, kernel: [1, 2]}\n";

// Element (out, in, row, column) of a's weights is their index in that order.
Tensor numbered(const Shape& shape) {
  Tensor tensor(DataType::int32, shape);
  int32_t next = 0;
  for (int32_t& value : tensor.values<int32_t>()) value = next++;
  return tensor;
}

TEST_F(Weights, AreFoundByPatternTurnedAndScaled) {
  // Stored as [rows, columns, in, out] = [1, 2, 2, 3].
  Tensor stored(DataType::int16, {1, 2, 2, 3});
  for (int64_t out = 0; out < 3; ++out) {
    for (int64_t in = 0; in < 2; ++in) {
      for (int64_t column = 0; column < 2; ++column) {
        stored.values<int16_t>()[static_cast<size_t>((column * 2 + in) * 3 + out)] =
            static_cast<int16_t>((out * 2 + in) * 2 + column);
      }
    }
  }
  const std::string rules =
      "weights:\n  tensors:\n"
      "    - {parameter: '*.weight', tensor: '*_kernel', layout: [rows, columns, in, out], scale: 2^-1}\n"
      "    - {parameter: '*.bias', tensor: '*_bias'}\n";
  write_npy(stored, folder_ / "a_kernel.npy");
  write_npy(Tensor::of<float>({3}, {1, 2, 3}), folder_ / "a_bias.npy");
  LoadOptions options;
  options.weights = folder_.string();
  const Network network = read(kLayers + rules, options);
  Tensor expected = numbered({3, 2, 1, 2}).converted(DataType::float32);
  for (float& value : expected.values<float>()) value /= 2;
  EXPECT_EQ(constant(network, "a.weight"), expected);
  EXPECT_EQ(constant(network, "a.bias"), Tensor::of<float>({3}, {1, 2, 3}));
}

TEST_F(Weights, OfAFileThatTheDocumentNamesAreTakenFromItsFolder) {
  write_npz({{"a.weight", numbered({3, 2, 1, 2})}, {"a.bias", Tensor(DataType::float32, {3})}},
            folder_ / "w.npz");
  const Network network = read(std::string(kLayers) + "weights: {file: w.npz}\n", {}, folder_);
  EXPECT_EQ(constant(network, "a.weight"), numbered({3, 2, 1, 2}).converted(DataType::float32));
  EXPECT_EQ(network.metadata().at("weights"), "w.npz");
}

TEST_F(Weights, ThatDoNotFitAreRefusedByName) {
  LoadOptions options;
  options.weights = (folder_ / "w.npz").string();
  const auto reading_file = [&](std::map<std::string, Tensor> arrays) {
    return [this, options, arrays = std::move(arrays)] {
      write_npz(arrays, folder_ / "w.npz");
      read(kLayers, options);
    };
  };
  const Tensor bias(DataType::float32, {3});
  EXPECT_THAT(
      reading_file({{"a.weight", numbered({3, 2, 2, 1})}, {"a.bias", bias}}),
      ThrowsMessage<Error>(HasSubstr("has the shape 3x2x2x1, the parameter 'a.weight' needs 3x2x1x2")));
  EXPECT_THAT(reading_file({{"a.weight", numbered({3, 2, 1, 2})}, {"a.bia", bias}}),
              ThrowsMessage<Error>(
                  HasSubstr("no tensor 'a.bias' for the parameter 'a.bias'; did you mean 'a.bia'?")));
  EXPECT_THAT(reading_file({{"a.weight", numbered({3, 2, 1, 2})}, {"a.bias", bias}, {"b", bias}}),
              ThrowsMessage<Error>(HasSubstr("'b', which no parameter takes")));
  options.weights = (folder_ / "missing.npz").string();
  EXPECT_THAT([&] { read(kLayers, options); }, ThrowsMessage<Error>(HasSubstr("no such file")));
}

}  // namespace
}  // namespace deltahop
