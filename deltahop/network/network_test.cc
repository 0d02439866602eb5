// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/network/index_testing.h"

namespace deltahop {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The message of the Error that the function throws; "" where it throws none.
template <class Function>
std::string fault_of(Function&& function) {
  try {
    function();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::vector<std::string> names_of(const std::vector<Node>& nodes) {
  std::vector<std::string> names;
  for (const Node& node : nodes) names.push_back(node.name);
  return names;
}

TEST(NetworkBuilder, PutsMakersBeforeReaders) {
  NetworkBuilder builder("net");
  const ValueId x = builder.input("x", DataType::float32, {2}), a = builder.declare("a"),
                b = builder.declare("b"), c = builder.declare("c");
  builder.node_into("Add", "last", {a, b}, {c});
  builder.node_into("Neg", "second", {a}, {b});
  builder.node_into("Abs", "first", {x}, {a});
  builder.output(c);
  EXPECT_THAT(names_of(builder.build().nodes()), ElementsAre("first", "second", "last"));
}

TEST(NetworkBuilder, LeavesOutWhatNoOutputNeeds) {
  NetworkBuilder builder("net");
  const ValueId x = builder.input("x", DataType::float32, {2});
  builder.node("Neg", "idle", {x});
  builder.output(builder.node("Abs", "wanted", {x})[0]);
  EXPECT_THAT(names_of(builder.build().nodes()), ElementsAre("wanted"));
}

TEST(NetworkBuilder, SortsAGraphOfManyThousandNodes) {
  NetworkBuilder builder("deep");
  const ValueId x = builder.input("x", DataType::float32, {1});
  constexpr int kNodes = 20000;
  std::vector<ValueId> values = {x};
  for (int i = 0; i < kNodes; ++i) values.push_back(builder.declare("v" + std::to_string(i)));
  for (size_t i = kNodes; i-- > 0;)
    builder.node_into("Neg", "n" + std::to_string(i), {values[i]}, {values[i + 1]});
  builder.output(values.back());
  const Network network = builder.build();
  ASSERT_EQ(network.nodes().size(), static_cast<size_t>(kNodes));
  EXPECT_EQ(network.nodes().front().name, "n0");
}

TEST(NetworkBuilder, NamesANodeOfACircle) {
  NetworkBuilder builder("net");
  const ValueId a = builder.declare("a"), b = builder.declare("b");
  builder.node_into("Neg", "there", {a}, {b});
  builder.node_into("Neg", "back", {b}, {a});
  builder.output(a);
  EXPECT_THAT(fault_of([&] { builder.build(); }), AllOf(HasSubstr("node '"), HasSubstr("circle")));
}

TEST(NetworkBuilder, ANodeThatReadsItselfIsACircle) {
  NetworkBuilder builder("net");
  const ValueId a = builder.declare("a");
  builder.node_into("Neg", "selfish", {a}, {a});
  builder.output(a);
  EXPECT_THAT(fault_of([&] { builder.build(); }), AllOf(HasSubstr("'selfish'"), HasSubstr("circle")));
}

TEST(NetworkBuilder, RefusesTwoMakersOfOneValue) {
  NetworkBuilder builder("net");
  const ValueId x = builder.input("x", DataType::float32, {2}), y = builder.declare("y");
  builder.node_into("Neg", "one", {x}, {y});
  builder.node_into("Abs", "other", {x}, {y});
  builder.output(y);
  EXPECT_THAT(fault_of([&] { builder.build(); }), AllOf(HasSubstr("'other'"), HasSubstr("two makers")));
}

TEST(NetworkBuilder, RefusesAMakerOfWhatIsGiven) {
  for (const bool is_constant : {false, true}) {
    NetworkBuilder builder("net");
    const ValueId x = builder.input("x", DataType::float32, {2});
    const ValueId given = is_constant ? builder.constant("given", Tensor(DataType::float32, {2})) : x;
    builder.node_into("Neg", "maker", {x}, {given});
    builder.output(given);
    EXPECT_THAT(fault_of([&] { builder.build(); }), HasSubstr("'maker'"));
  }
}

TEST(NetworkBuilder, RefusesTwoConstantNodesForOneValue) {
  NetworkBuilder builder("net");
  const ValueId value = builder.declare("value");
  const Attributes one = {{"value_int", int64_t{1}}};
  builder.node_into("Constant", "first", {}, {value}, one);
  EXPECT_THAT(fault_of([&] { builder.node_into("Constant", "second", {}, {value}, one); }),
              HasSubstr("two makers"));
}

TEST(NetworkBuilder, NamesTheReaderOfAMissingValue) {
  NetworkBuilder builder("net");
  const ValueId lost = builder.declare("lost");
  builder.output(builder.node("Neg", "reader", {lost})[0]);
  EXPECT_THAT(fault_of([&] { builder.build(); }),
              AllOf(HasSubstr("'reader'"), HasSubstr("'lost' comes from nowhere")));
}

TEST(NetworkBuilder, NamesAnOutputWithoutMaker) {
  NetworkBuilder builder("net");
  builder.output(builder.declare("lost"));
  EXPECT_THAT(fault_of([&] { builder.build(); }), AllOf(HasSubstr("net"), HasSubstr("'lost'")));
}

TEST(NetworkBuilder, RefusesTwoValuesOfOneName) {
  NetworkBuilder builder("net");
  builder.input("x", DataType::float32, {2});
  EXPECT_THAT(fault_of([&] { builder.constant("x", Tensor(DataType::float32, {2})); }),
              HasSubstr("two values are called 'x'"));
}

TEST(NetworkBuilder, PlacesWhatALayerRefuses) {
  NetworkBuilder builder("net");
  const ValueId x = builder.input("x", DataType::float32, {2, 3});
  EXPECT_THAT(fault_of([&] {
                builder.node("Transpose", "turn", {x}, {{"axes", Integers{1, 0}}});
              }),
              AllOf(HasSubstr("node 'turn' (Transpose)"), HasSubstr("'axes'")));
  EXPECT_THAT(fault_of([&] { builder.node("Transpos", "turn", {x}); }),
              AllOf(HasSubstr("'turn'"), HasSubstr("'Transpos' is not supported")));
  builder.output(builder.node("Transpose", "turn", {x}, {{"perm", Integers{0, 2}}})[0]);
  EXPECT_THAT(fault_of([&] { builder.build(); }),
              AllOf(HasSubstr("node 'turn' (Transpose)"), HasSubstr("axis 2")));
}

TEST(NetworkBuilder, RefusesMoreOutputsThanTheOperatorHas) {
  NetworkBuilder builder("net");
  const ValueId x = builder.input("x", DataType::float32, {2});
  const auto outputs = builder.node("Neg", "greedy", {x}, {}, 2);
  builder.output(outputs[1]);
  EXPECT_THAT(fault_of([&] { builder.build(); }), AllOf(HasSubstr("'greedy'"), HasSubstr("2 outputs")));
}

TEST(NetworkBuilder, InputsThatFewerOpsetsHadBecomeConstants) {
  NetworkBuilder builder("net");
  const ValueId x = builder.input("x", DataType::float32, {2, 3});
  builder.output(builder.node("Reshape", "flat", {x}, {{"shape", Integers{-1}}}, 1, 1)[0]);
  const Network network = builder.build();
  const Node& node = network.nodes().at(0);
  ASSERT_EQ(node.inputs.size(), 2u);
  EXPECT_EQ(*network.value(node.inputs[1]).constant, integers({-1}));
  EXPECT_EQ(network.value(node.outputs[0]).shape, (Shape{6}));
}

TEST(NetworkBuilder, ConstantNodesAreTheirValues) {
  NetworkBuilder builder("net");
  const ValueId x = builder.input("x", DataType::float32, {2, 3});
  const ValueId axes = builder.node("Constant", "axes", {}, {{"value_ints", Integers{1}}})[0];
  builder.output(builder.node("ReduceMean", "mean", {x, axes}, {}, 1, 18)[0]);
  const Network network = builder.build();
  ASSERT_EQ(network.nodes().size(), 1u);
  // Known when the layer was made, so that it could take opset 17's form.
  EXPECT_EQ(network.nodes()[0].inputs.size(), 1u);
  EXPECT_EQ(network.value(network.outputs()[0]).shape, (Shape{2, 1}));
}

// What exporters write for x.view(x.size(0), -1).
Network flattening_network() {
  NetworkBuilder builder("flatten");
  const ValueId x = builder.input("x", DataType::float32, {kSymbolic, 3, 4}, {"batch", "", ""});
  const ValueId zero = builder.constant("zero", Tensor::scalar(int64_t{0})),
                rest = builder.constant("rest", integers({-1}));
  const ValueId first = builder.constant("first", integers({0}));
  const ValueId shape = builder.node("Shape", "shape", {x})[0];
  const ValueId batch = builder.node("Gather", "batch", {shape, zero})[0];
  const ValueId batch_list = builder.node("Unsqueeze", "list", {batch, first})[0];
  const ValueId target = builder.node("Concat", "target", {batch_list, rest}, {{"axis", int64_t{0}}})[0];
  builder.output(builder.node("Reshape", "reshape", {x, target})[0]);
  return builder.build();
}

TEST(Network, ShapeArithmeticIsDoneWhenDimensionsAreBound) {
  const Network open = flattening_network();
  EXPECT_FALSE(open.value(open.outputs()[0]).shape.has_value());
  const Network bound = open.bound({{5, 3, 4}});
  EXPECT_EQ(bound.value(bound.outputs()[0]).shape, (Shape{5, 12}));
  for (const Node& node : bound.nodes())
    EXPECT_EQ(bound.is_constant(node), node.name != "reshape") << node.name;
  EXPECT_EQ(list_of<int64_t>(*bound.value(bound.find_value("target:0")).constant), (Integers{5, -1}));
}

TEST(Network, MayBeBoundAgain) {
  const Network bound = flattening_network().bound({{5, 3, 4}}).bound({{2, 3, 4}});
  EXPECT_EQ(bound.value(bound.outputs()[0]).shape, (Shape{2, 12}));
}

TEST(Network, ShapesOfInputsMustFitTheDeclaredOnes) {
  const Network network = flattening_network();
  EXPECT_THAT(fault_of([&] { network.bound({{5, 3}}); }), HasSubstr("number of dimensions"));
  EXPECT_THAT(fault_of([&] {
                network.bound({{5, 2, 4}});
              }),
              AllOf(HasSubstr("input 'x'"), HasSubstr("dimension 1 is fixed")));
  EXPECT_THAT(fault_of([&] { network.bound({{kSymbolic, 3, 4}}); }), HasSubstr("not set"));
}

TEST(Network, OneNameStandsForOneSize) {
  NetworkBuilder builder("net");
  const ValueId x = builder.input("x", DataType::float32, {kSymbolic}, {"n"}),
                y = builder.input("y", DataType::float32, {kSymbolic}, {"n"});
  builder.output(builder.node("Add", "add", {x, y})[0]);
  const Network network = builder.build();
  EXPECT_EQ(network.bound({{3}, {3}}).value(network.outputs()[0]).shape, (Shape{3}));
  EXPECT_THAT(fault_of([&] {
                network.bound({{3}, {1}});
              }),
              AllOf(HasSubstr("input 'y'"), HasSubstr("'n' already stands for another size")));
}

TEST(Network, AContradictionAfterBindingNamesTheNode) {
  NetworkBuilder builder("net");
  const ValueId x = builder.input("x", DataType::float32, {kSymbolic}),
                y = builder.input("y", DataType::float32, {kSymbolic});
  builder.output(builder.node("Add", "add", {x, y})[0]);
  const Network network = builder.build();
  EXPECT_THAT(fault_of([&] {
                network.bound({{3}, {2}});
              }),
              AllOf(HasSubstr("node 'add'"), HasSubstr("do not broadcast")));
}

TEST(Network, WhatDependsOnNoInputIsComputedOnce) {
  NetworkBuilder builder("net");
  const ValueId x = builder.input("x", DataType::float32, {2}),
                weights = builder.constant("w", Tensor::of<float>({2}, {1, -2}));
  const ValueId positive = builder.node("Abs", "abs", {weights})[0];
  builder.output(builder.node("Mul", "mul", {x, positive})[0]);
  const Network network = builder.build();
  EXPECT_EQ(*network.value(positive).constant, Tensor::of<float>({2}, {1, 2}));
  EXPECT_TRUE(network.is_constant(network.nodes()[0]));
  EXPECT_FALSE(network.is_constant(network.nodes()[1]));
}

TEST(Network, AnOutputCountsAsAReader) {
  NetworkBuilder builder("net");
  const ValueId x = builder.input("x", DataType::float32, {2}), y = builder.node("Neg", "neg", {x})[0];
  builder.output(y);
  builder.output(builder.node("Add", "twice", {y, y})[0]);
  const Network network = builder.build();
  EXPECT_EQ(network.reader_counts()[static_cast<size_t>(y)], 3);
  EXPECT_EQ(network.reader_counts()[static_cast<size_t>(x)], 1);
}

TEST(NetworkBuilder, StartsFromTheValuesOfANetwork) {
  NetworkBuilder builder("net");
  const ValueId x = builder.input("x", DataType::float32, {2}), y = builder.node("Neg", "neg", {x})[0];
  builder.output(y);
  builder.metadata("origin", "test");
  const Network network = builder.build();
  NetworkBuilder rewritten = NetworkBuilder::from_values_of(network);
  rewritten.layer_into(network.nodes()[0].layer, "renamed", {x}, {y});
  rewritten.output(y);
  const Network copy = rewritten.build();
  EXPECT_EQ(copy.find_value("neg:0"), y);
  EXPECT_EQ(copy.nodes().at(0).name, "renamed");
  EXPECT_EQ(copy.value(y).shape, (Shape{2}));
  EXPECT_EQ(copy.metadata().at("origin"), "test");
}

}  // namespace
}  // namespace deltahop
