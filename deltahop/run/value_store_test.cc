// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/value_store.h"

#include <gtest/gtest.h>

namespace deltahop {
namespace {

// x -> a -> b, which reads a twice.
struct Example {
  NetworkBuilder builder{"net"};
  ValueId x = builder.input("x", DataType::float32, {2});
  ValueId a = builder.node("Relu", "a", {x})[0];
  ValueId b = builder.node("Add", "b", {a, a})[0];
  Network network = [this] {
    builder.output(b);
    return builder.build();
  }();
};

TEST(ValueStore, AValueDiesWithItsLastReader) {
  Example example;
  ValueStore values(example.network);
  const Tensor input = Tensor::of<float>({2}, {1, 2});
  values.lend(example.x, input);
  EXPECT_EQ(values.get(example.x), &input);
  values.put(example.a, Tensor::of<float>({2}, {3, 4}));
  values.release(example.network.nodes()[0]);
  EXPECT_EQ(*values.get(example.a), Tensor::of<float>({2}, {3, 4}));
  values.put(example.b, Tensor::of<float>({2}, {6, 8}));
  values.release(example.network.nodes()[1]);
  EXPECT_ANY_THROW(values.get(example.a));
  EXPECT_EQ(values.take(example.b), Tensor::of<float>({2}, {6, 8}));
}

TEST(ValueStore, AnAbsentInputIsNull) {
  Example example;
  EXPECT_EQ(ValueStore(example.network).get(kNoValue), nullptr);
}

}  // namespace
}  // namespace deltahop
