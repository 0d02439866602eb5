// SPDX-License-Identifier: Apache-2.0
#include "deltahop/compress/common_formats.h"

#include <gtest/gtest.h>

#include "deltahop/network/integer_rule.h"

namespace deltahop {
namespace {

TEST(CommonFormats, BranchesTakeTheCoarsestFormatOfTheirJoin) {
  NetworkBuilder builder("join");
  const ValueId x = builder.input("x", DataType::float32, {1, 1, 2, 2});
  const auto convolution = [&](const std::string& name) {
    const ValueId w = builder.constant(name + "/w", Tensor::of<float>({1, 1, 1, 1}, {1.0f}));
    return builder.node("Relu", name + "/relu", {builder.node("Conv", name, {x, w})[0]})[0];
  };
  const ValueId a = convolution("a"), b = convolution("b"), c = convolution("c");
  const ValueId joined = builder.node("Concat", "joined", {a, b}, {{"axis", int64_t{1}}})[0];
  builder.output(joined);
  builder.output(c);
  IntegerModel model{builder.build(), {8, 8, Rounding::half_even, Overflow::saturate}, {}, {}};
  for (const ValueId id : values_with_formats(model.network)) model.formats[id] = {8, 7, true};
  for (const auto& group : values_of_one_format(model.network)) {
    for (const ValueId id : group)
      model.formats[id] = {8, id == b || group[0] == b || group[1] == b ? 3 : 5, true};
  }
  model.formats[joined] = {8, 4, true};
  const auto fraction = [&](const IntegerModel& of, std::string_view name) {
    return of.formats.at(of.network.find_value(name)).fraction_bits;
  };
  const IntegerModel common = with_common_formats(model);
  for (const ValueId id : {a, b, joined}) EXPECT_EQ(common.formats.at(id).fraction_bits, 3);
  // What shares a pass with a branch goes along; what is not joined stays.
  for (const Node& node : common.network.nodes()) {
    if (node.name == "a") {
      EXPECT_EQ(common.formats.at(node.outputs[0]).fraction_bits, 3);
    }
  }
  EXPECT_EQ(common.formats.at(c).fraction_bits, 5);
  EXPECT_EQ(fraction(common, "x"), fraction(model, "x"));
  EXPECT_EQ(fraction(common, "a/w"), fraction(model, "a/w"));
}

}  // namespace
}  // namespace deltahop
