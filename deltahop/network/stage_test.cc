// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/stage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace deltahop {
namespace {

using ::testing::ElementsAre;
using Integers = std::vector<int64_t>;

class Builder {
 public:
  ValueId input(Shape shape) { return builder_.input("x", DataType::float32, std::move(shape)); }
  ValueId conv(const std::string& name, ValueId x, int64_t in, int64_t out) {
    return builder_.node("Conv", name,
                         {x, builder_.constant(name + "/w", Tensor(DataType::float32, {out, in, 1, 1}))})[0];
  }
  ValueId pool(const std::string& kind, const std::string& name, ValueId x, int64_t size, int64_t stride,
               int64_t pad = 0, bool ceil = false) {
    return builder_.node(kind, name, {x},
                         {{"kernel_shape", Integers{size, size}},
                          {"strides", Integers{stride, stride}},
                          {"pads", Integers{pad, pad, pad, pad}},
                          {"ceil_mode", int64_t{ceil}}})[0];
  }
  ValueId node(const std::string& kind, const std::string& name, std::vector<ValueId> inputs,
               Attributes attributes = {}) {
    return builder_.node(kind, name, std::move(inputs), std::move(attributes))[0];
  }
  NetworkBuilder& builder() { return builder_; }
  Network finish(ValueId output) {
    builder_.output(output);
    return builder_.build();
  }

 private:
  NetworkBuilder builder_{"net"};
};

// "conv+relu+pool" for each stage.
std::vector<std::string> names_of(const Network& network) {
  std::vector<std::string> names;
  for (const Stage& stage : find_stages(network)) {
    std::string name;
    for (const size_t n : stage.nodes) name += (name.empty() ? "" : "+") + network.nodes()[n].name;
    EXPECT_EQ(stage.output, network.nodes()[stage.nodes.back()].outputs[0]);
    names.push_back(name);
  }
  return names;
}

TEST(FindStages, ReluAndPoolingJoinTheConvolutionInEitherOrder) {
  Builder b;
  ValueId id = b.conv("c1", b.input({1, 2, 9, 9}), 2, 3);
  id = b.pool("MaxPool", "p1", b.node("Relu", "r1", {id}), 2, 2);
  id = b.node("Relu", "r2", {b.pool("MaxPool", "p2", b.conv("c2", id, 3, 3), 3, 1, 1)});
  const Network network = b.finish(b.pool("AveragePool", "p3", b.conv("c3", id, 3, 3), 2, 2));
  EXPECT_THAT(names_of(network), ElementsAre("c1+r1+p1", "c2+p2+r2", "c3+p3"));
  const auto stages = find_stages(network);
  EXPECT_TRUE(stages[0].workload->relu);
  EXPECT_EQ(*stages[0].workload->pooling, (Pooling{Pooling::Kind::max, 2, 2, 2, 2, 0, 0, 0, 0}));
  EXPECT_TRUE(stages[1].workload->relu);
  EXPECT_EQ(*stages[1].workload->pooling, (Pooling{Pooling::Kind::max, 3, 3, 1, 1, 1, 1, 1, 1}));
  EXPECT_FALSE(stages[2].workload->relu);
  EXPECT_EQ(stages[2].workload->pooling->kind, Pooling::Kind::average);
}

TEST(FindStages, PaddingIsWhatTheLastWindowReadsBeyondTheMap) {
  Builder b;
  const ValueId c = b.conv("c", b.input({1, 1, 6, 6}), 1, 1);
  const Network network =
      b.finish(b.pool("MaxPool", "p", c, 3, 2, 0, true));  // 6 -> 3 rows, the last window one beyond
  EXPECT_EQ(*find_stages(network)[0].workload->pooling,
            (Pooling{Pooling::Kind::max, 3, 3, 2, 2, 0, 0, 1, 1}));
}

TEST(FindStages, WhatOthersReadIsNotFused) {
  Builder b;
  const ValueId c = b.conv("c", b.input({1, 2, 4, 4}), 2, 2);
  const ValueId r = b.node("Relu", "r", {c});
  EXPECT_THAT(names_of(b.finish(b.node("Add", "a", {c, r}))), ElementsAre("c", "r", "a"));
  Builder d;
  const ValueId e = d.conv("c", d.input({1, 2, 4, 4}), 2, 2);
  d.builder().output(e);
  EXPECT_THAT(names_of(d.finish(d.node("Relu", "r", {e}))), ElementsAre("c", "r"));
}

TEST(FindStages, OtherFollowersStayAlone) {
  Builder b;
  ValueId id = b.conv("c1", b.input({1, 2, 9, 9}), 2, 2);
  id = b.node("Relu", "r1",
              {b.pool("AveragePool", "average_then_relu", id, 2, 2)});  // the order matters for a mean
  id = b.pool("AveragePool", "padded", b.conv("c2", id, 2, 2), 3, 1, 1);
  const ValueId low = b.builder().constant("low", Tensor::scalar(0.0f));
  id = b.node("Clip", "clip", {b.conv("c3", id, 2, 2), low});
  id = b.node("MaxPool", "dilated", {b.conv("c4", id, 2, 2)},
              {{"kernel_shape", Integers{2, 2}}, {"dilations", Integers{2, 2}}});
  EXPECT_THAT(names_of(b.finish(id)),
              ElementsAre("c1+average_then_relu", "r1", "c2", "padded", "c3", "clip", "c4", "dilated"));
}

TEST(FindStages, ConstantNodesAreLeftOutAndGemmTakesItsRelu) {
  Builder b;
  const ValueId x = b.input({1, 3});
  const ValueId w =
      b.node("Relu", "constant", {b.builder().constant("w", Tensor(DataType::float32, {3, 2}))});
  const Network network = b.finish(b.node("Relu", "r", {b.node("Gemm", "g", {x, w})}));
  EXPECT_THAT(names_of(network), ElementsAre("g+r"));
  EXPECT_EQ(find_stages(network)[0].workload->workload.kind, WorkloadKind::fully_connected);
}

}  // namespace
}  // namespace deltahop
