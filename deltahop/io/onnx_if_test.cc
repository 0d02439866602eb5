// SPDX-License-Identifier: Apache-2.0
// If from ONNX files: which branch takes its place, when, and which conditions are refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "deltahop/io/load.h"
#include "deltahop/io/onnx.h"
#include "deltahop/io/onnx_test_model.h"

namespace deltahop {
namespace {

using namespace test_onnx;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Texts = std::vector<std::string>;

// A graph that makes `output`, as the attribute of an If.
std::string branch(const std::string& name, const Texts& nodes, const std::string& output,
                   const Texts& initializers = {}) {
  std::string graph;
  for (const std::string& one : nodes) graph += in_graph_node(one);
  for (const std::string& one : initializers) graph += in_graph_initializer(one);
  graph += in_graph_output(value_info(output, 1, {}));
  return text(5, text(1, name) + text(6, graph) + number(20, 5));
}
std::string choice(const std::string& condition, const std::string& output, const std::string& branches) {
  return node("If", "if_" + output, {condition}, {output}, branches);
}
std::string relu_or_sigmoid(const std::string& made = "a") {
  return branch("then_branch", {node("Relu", "then", {"x"}, {made})}, made) +
         branch("else_branch", {node("Sigmoid", "else", {"x"}, {made})}, made);
}
std::string truth(const std::string& name, bool value) {
  return tensor(name, 9, {1}) + raw(std::string(1, value ? '\1' : '\0'));
}

// x, of these dimensions, to y.
std::string graph_of(const Texts& nodes, const Texts& initializers, const Texts& dimensions = {"n", "2"}) {
  std::string graph =
      in_graph_input(value_info("x", 1, dimensions)) + in_graph_output(value_info("y", 1, {}));
  for (const std::string& one : nodes) graph += in_graph_node(one);
  for (const std::string& one : initializers) graph += in_graph_initializer(one);
  return model(graph, opset(17));
}
Network parsed(const std::string& bytes) { return parse_onnx(bytes, "net.onnx", {}); }

std::string refusal_of(const std::string& bytes) {
  try {
    parsed(bytes);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

Texts operators(const Network& network) {
  Texts names;
  for (const Node& one : network.nodes()) names.emplace_back(one.layer->operator_name());
  return names;
}

// Whether x has two elements, as the condition `c`.
const Texts kHasTwo = {node("Size", "size", {"x"}, {"s"}), node("Equal", "equal", {"s", "two"}, {"c"})};
const std::string kTwo = tensor("two", 7, {}) + raw(bytes_of<int64_t>({2}));
Texts with_two(const std::string& one) {
  Texts nodes = kHasTwo;
  nodes.push_back(one);
  return nodes;
}

TEST(OnnxIf, IsTheBranchOfAConstantCondition) {
  for (const bool condition : {true, false}) {
    const Network network = parsed(graph_of({choice("c", "y", relu_or_sigmoid())}, {truth("c", condition)}));
    EXPECT_THAT(operators(network), ElementsAre(condition ? "Relu" : "Sigmoid"));
    EXPECT_EQ(network.value(network.outputs()[0]).name, "y");
  }
}

TEST(OnnxIf, WaitsForTheShapesThatDecideIt) {
  const Network network = parsed(graph_of(with_two(choice("c", "y", relu_or_sigmoid())), {kTwo}));
  EXPECT_THAT(operators(network), ::testing::Contains("If"));
  const Network one = network.bound({{1, 2}}), three = network.bound({{3, 2}});
  EXPECT_THAT(operators(one), ::testing::Contains("Relu"));
  EXPECT_THAT(operators(three), ::testing::Contains("Sigmoid"));
  EXPECT_THAT(operators(three), ::testing::Not(::testing::Contains("If")));
  EXPECT_EQ(three.value(three.outputs()[0]).shape, (Shape{3, 2}));
}

TEST(OnnxIf, IsNotBoundAgainForOtherShapes) {
  const Network one = parsed(graph_of(with_two(choice("c", "y", relu_or_sigmoid())), {kTwo})).bound({{1, 2}});
  EXPECT_NO_THROW(one.bound({{1, 2}}));
  try {
    one.bound({{3, 2}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("the network declares 1x2"));
  }
}

TEST(OnnxIf, FindsValuesOfEveryGraphAroundIt) {
  // The inner branch reads x of the model, k of the outer branch and z of its own.
  const std::string inner =
      branch("then_branch", {node("Add", "add", {"k", "z"}, {"b"}), node("Mul", "mul", {"b", "x"}, {"a"})},
             "a", {tensor("z", 1, {1}) + raw(bytes_of<float>({1}))}) +
      branch("else_branch", {}, "k");
  const std::string outer =
      branch("then_branch", {node("Neg", "neg", {"x"}, {"k"}), choice("c", "i", inner)}, "i") +
      branch("else_branch", {}, "x");
  EXPECT_THAT(operators(parsed(graph_of({choice("c", "y", outer)}, {truth("c", true)}))),
              ElementsAre("Neg", "Add", "Mul"));
}

TEST(OnnxIf, HandsOnWhatABranchDoesNotMake) {
  const std::string branches = branch("then_branch", {}, "x") + branch("else_branch", {}, "x");
  EXPECT_THAT(operators(parsed(graph_of({choice("c", "y", branches)}, {truth("c", true)}))),
              ElementsAre("Identity"));
}

TEST(OnnxIf, TellsNamesOfTwoGraphsApart) {
  const Network network =
      parsed(graph_of({node("Neg", "neg", {"x"}, {"a"}), choice("c", "b", relu_or_sigmoid("a")),
                       node("Add", "add", {"a", "b"}, {"y"})},
                      {truth("c", true)}));
  EXPECT_THAT(operators(network), ElementsAre("Neg", "Relu", "Add"));
}

TEST(OnnxIf, TakesBranchesOneAfterTheOther) {
  // The second condition is made of what the first If gives.
  const Network network =
      parsed(graph_of({choice("c", "a", relu_or_sigmoid("t")), node("Size", "size", {"a"}, {"s"}),
                       node("Equal", "equal", {"s", "two"}, {"d"}), choice("d", "y", relu_or_sigmoid("u"))},
                      {kTwo, truth("c", false)}));
  EXPECT_THAT(operators(network.bound({{1, 2}})), ElementsAre("Relu"));
  EXPECT_THAT(operators(network.bound({{2, 2}})), ElementsAre("Sigmoid"));
}

TEST(OnnxIf, RefusesAConditionThatDataDecides) {
  const Texts nodes = {node("Equal", "equal", {"x", "x"}, {"c"}), choice("c", "y", relu_or_sigmoid())};
  EXPECT_THAT(refusal_of(graph_of(nodes, {}, {"1", "1"})),
              HasSubstr("node 'if_y' (If): its condition depends on what flows through the network"));
  const Network open = parsed(graph_of(nodes, {}));
  EXPECT_THROW(open.bound({{1, 2}}), Error);
}

TEST(OnnxIf, RefusesWhatIsNoCondition) {
  const std::string number_one = tensor("c", 7, {1}) + raw(bytes_of<int64_t>({1}));
  EXPECT_THAT(refusal_of(graph_of({choice("c", "y", relu_or_sigmoid())}, {number_one})),
              HasSubstr("one boolean"));
}

TEST(OnnxIf, RefusesBrokenBranches) {
  const std::string good = relu_or_sigmoid();
  const auto refusal = [&](const std::string& branches) {
    return refusal_of(graph_of({choice("c", "y", branches)}, {truth("c", true)}));
  };
  EXPECT_THAT(refusal(branch("then_branch", {}, "x")), HasSubstr("a branch is missing"));
  EXPECT_THAT(refusal(good + branch("then_branch", {}, "x")), HasSubstr("comes twice"));
  EXPECT_THAT(refusal(good + branch("other", {}, "x")), HasSubstr("'other' is not supported"));
  EXPECT_THAT(refusal(branch("then_branch", {}, "w") + branch("else_branch", {}, "x")),
              HasSubstr("comes from nowhere"));
  EXPECT_THAT(
      refusal(branch("then_branch", {node("Relu", "r", {"a"}, {"a"})}, "a") + branch("else_branch", {}, "x")),
      HasSubstr("circle"));
}

TEST(OnnxIf, IsNotWrittenBeforeItIsDecided) {
  const Network network = parsed(graph_of(with_two(choice("c", "y", relu_or_sigmoid())), {kTwo}));
  const auto path =
      std::filesystem::path(::testing::TempDir()) / ("deltahop_if_" + std::to_string(::getpid()));
  try {
    save_onnx(network, path);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("node 'if_y' (If)"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  save_onnx(network.bound({{1, 2}}), path);
  const Network written = read_onnx(path);
  EXPECT_THAT(operators(written), ::testing::Contains("Relu"));
  EXPECT_EQ(written.inputs()[0].declared, (Shape{1, 2}));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace deltahop
