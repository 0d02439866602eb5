// SPDX-License-Identifier: Apache-2.0
// Who teaches: a network, or a variant of the same recipe.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/recipe/recipe.h"

namespace deltahop {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

Recipe recipe(const std::string& teacher) {
  return parse_recipe(
      "name: r\nnetwork: n.yaml\ndata: {set: mnist}\nvariants: [{name: large}]\nteacher: " + teacher,
      "r.yaml");
}

TEST(Teacher, IsANetworkOrAVariantOfTheRecipe) {
  EXPECT_EQ(recipe("{variant: large}").teacher.variant, "large");
  EXPECT_EQ(recipe("{network: n.onnx}").teacher.network, "n.onnx");
  EXPECT_THAT([] { recipe("{variant: lage}"); },
              ThrowsMessage<Error>(HasSubstr("no variant is called 'lage'")));
  EXPECT_THAT([] { recipe("{weight: 0.5}"); }, ThrowsMessage<Error>(HasSubstr("a 'network' or a 'variant'")));
  EXPECT_THAT([] { recipe("{variant: large, network: n.onnx}"); },
              ThrowsMessage<Error>(HasSubstr("a 'network' or a 'variant'")));
}

TEST(Teacher, AVariantMaySetIt) {
  const Recipe taught = parse_recipe(
      "name: r\nnetwork: n.yaml\ndata: {set: mnist}\n"
      "variants: [{name: large}, {name: taught, set: [teacher.variant=large, teacher.weight=0.9]}]\n",
      "r.yaml", {"taught", {}});
  EXPECT_EQ(taught.teacher.variant, "large");
  EXPECT_EQ(taught.teacher.weight, 0.9);
}

}  // namespace
}  // namespace deltahop
