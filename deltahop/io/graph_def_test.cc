// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/graph_def.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/io/graph_def_test_model.h"
#include "deltahop/io/graph_def_testing.h"

namespace deltahop {
namespace {

using namespace test_graph_def;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(GraphDef, ProductAndBiasAreOneLayer) {
  const Network network = parse_graph_def(
      placeholder("x", {1, 2}) + floats("w", {2, 3}, {1, 2, 3, 4, 5, 6}) + floats("b", {3}, {10, 20, 30}) +
          node("Identity", "w/read", {"w"}) + node("MatMul", "product", {"x", "w/read"}) +
          node("BiasAdd", "sum", {"product", "b"}) + node("Relu", "y", {"sum"}),
      "net.pb");
  EXPECT_THAT(operators_of(network), ElementsAre("Gemm", "Relu"));
  EXPECT_EQ(network.name(), "net");
  EXPECT_THAT(floats_in(run(network, Tensor::of<float>({1, 2}, {1, -1}))[0]), ElementsAre(7, 17, 27));
}

TEST(GraphDef, ABiasThatIsReadTwiceStaysApart) {
  const Network network =
      parse_graph_def(placeholder("x", {1, 2}) + floats("w", {2, 2}, {1, 0, 0, 1}) +
                          floats("b", {2}, {1, 2}) + node("MatMul", "product", {"x", "w"}) +
                          node("Add", "sum", {"product", "b"}) + node("Mul", "y", {"sum", "product"}),
                      "net.pb");
  EXPECT_THAT(floats_in(run(network, Tensor::of<float>({1, 2}, {3, 4}))[0]), ElementsAre(12, 24));
}

// By hand: 3x3 picture, 2x2 filter, SAME pads below and on the right only.
TEST(GraphDef, ConvolutionPadsAsTensorflowDoes) {
  const Network network =
      parse_graph_def(placeholder("x", {1, 3, 3, 1}) + floats("w", {2, 2, 1, 1}, {1, 10, 100, 1000}) +
                          node("Conv2D", "y", {"x", "w"},
                               attribute_list("strides", {1, 1, 1, 1}) + attribute_text("padding", "SAME")),
                      "net.pb");
  const auto outputs = run(network, Tensor::of<float>({1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(outputs[0].shape(), (Shape{1, 3, 3, 1}));
  EXPECT_THAT(floats_in(outputs[0]), ElementsAre(5421, 6532, 603, 8754, 9865, 906, 87, 98, 9));
}

TEST(GraphDef, DepthwiseFiltersStayWithTheirChannel) {
  const Network network =
      parse_graph_def(placeholder("x", {1, 1, 2, 2}) + floats("w", {1, 1, 2, 2}, {1, 10, 100, 1000}) +
                          node("DepthwiseConv2dNative", "y", {"x", "w"},
                               attribute_list("strides", {1, 1, 1, 1}) + attribute_text("padding", "VALID")),
                      "net.pb");
  // Channel c, multiplier m: weight w[c][m].
  EXPECT_THAT(floats_in(run(network, Tensor::of<float>({1, 1, 2, 2}, {1, 2, 3, 4}))[0]),
              ElementsAre(1, 10, 200, 2000, 3, 30, 400, 4000));
}

TEST(GraphDef, ReshapesThatChangeNothingAreLeftOut) {
  const Network network = parse_graph_def(placeholder("x", {1, 6}) + integers("flat", {-1, 2}) +
                                              integers("back", {1, 6}) + node("Reshape", "a", {"x", "flat"}) +
                                              node("Reshape", "b", {"a", "back"}) + node("Relu", "y", {"b"}),
                                          "net.pb");
  EXPECT_THAT(operators_of(network), ElementsAre("Relu"));
}

TEST(GraphDef, TheLastValueOfAConstantFillsItsRest) {
  const Network network = parse_graph_def(
      placeholder("x", {1, 4}) + constant("c", kFloat, {4}, "\x2d" + real(1) + "\x2d" + real(2)) +
          node("Mul", "y", {"x", "c"}),
      "net.pb");
  EXPECT_THAT(floats_in(run(network, Tensor::of<float>({1, 4}, {1, 1, 1, 1}))[0]), ElementsAre(1, 2, 2, 2));
}

std::string speech(const std::string& more, int64_t samples = 16000) {
  return node("Placeholder", "wav", {}, attribute("dtype", number(6, kString))) +
         node("DecodeWav", "sound", {"wav"},
              attribute("desired_samples", samples) + attribute("desired_channels", 1)) +
         node("AudioSpectrogram", "spectrum", {"sound"},
              attribute("window_size", 640) + attribute("stride", 320) +
                  attribute_flag("magnitude_squared", true)) +
         node("Mfcc", "Mfcc", {"spectrum", "sound:1"},
              attribute("dct_coefficient_count", 10) + attribute_real("lower_frequency_limit", 20) + more);
}

TEST(GraphDef, TheFrontEndBecomesMetadata) {
  const Network network = parse_graph_def(speech("") + node("Relu", "y", {"Mfcc"}), "net.pb");
  EXPECT_EQ(network.inputs().at(0).declared, (Shape{1, 49, 10}));
  EXPECT_EQ(network.metadata().at(std::string(kFrontEndKey)),
            "rate: 16000 Hz\nlike: tensorflow_mfcc(10, 40 ms, 20 ms)\n"
            "mel: {bands: 40, low: 20 Hz, high: 4000 Hz, first_bin: 2}\n");
}

TEST(GraphDef, FaultsNameTheNode) {
  EXPECT_EQ(fault_of(placeholder("x", {1, 2}) + node("Frobnicate", "f", {"x"})),
            "net.pb: node 'f' (Frobnicate): the operator is not supported; freeze the graph for inference, "
            "or convert "
            "it to ONNX");
  EXPECT_THAT(fault_of(node("Relu", "y", {"x"})),
              HasSubstr("node 'y' (Relu): its input 'x' comes from nowhere"));
  EXPECT_THAT(fault_of(speech("", 100) + node("Relu", "y", {"Mfcc"})),
              HasSubstr("node 'Mfcc' (Mfcc): 100 samples"));
  EXPECT_THAT(fault_of(placeholder("x", {2}) + node("Relu", "x", {"x"})), HasSubstr("the name comes twice"));
  EXPECT_THAT(fault_of(node("Relu", "a", {"b"}) + node("Relu", "b", {"a"}) + node("Relu", "y", {"b"})),
              HasSubstr("the graph has a circle"));
  EXPECT_THAT(
      fault_of(node("Identity", "a", {"b"}) + node("Identity", "b", {"a"}) + node("Relu", "y", {"b"})),
      HasSubstr("the graph has a circle"));
}

TEST(GraphDef, AFewBytesCannotAskForAnyAmountOfMemory) {
  EXPECT_THAT(fault_of(placeholder("x", {1}) + constant("c", kFloat, {1 << 20, 1 << 18}, "\x2d" + real(1)) +
                       node("Mul", "y", {"x", "c"})),
              HasSubstr("far larger than the file"));
  EXPECT_THAT(fault_of(placeholder("x", {1}) + integers("size", {1 << 20, 1 << 18}) + floats("v", {}, {1}) +
                       node("Fill", "c", {"size", "v"}) + node("Mul", "y", {"x", "c"})),
              HasSubstr("far larger than the file"));
}

TEST(GraphDef, ACutOffFileIsSaidToBeOne) {
  const std::string whole = placeholder("x", {1, 2}) + node("Relu", "y", {"x"});
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::string fault = fault_of(whole.substr(0, size));
    // A cut between two nodes leaves a graph without its end.
    EXPECT_THAT(fault, ::testing::AnyOf(HasSubstr("is cut off or no TensorFlow GraphDef"),
                                        HasSubstr("computes nothing from an input")))
        << size;
  }
}

}  // namespace
}  // namespace deltahop
