// SPDX-License-Identifier: Apache-2.0
#include "deltahop/recipe/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/base/files.h"

namespace deltahop {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kRecipe = R"(name: digits
network: net.yaml
data: {set: mnist}
epochs: 4
optimizer: {kind: sgd, learning_rate: 0.5, momentum: 0.8}
schedule: {kind: step, step_epochs: 2}
constraints:
  coarse: {kind: rounding, weight_bits: 8, activation_bits: 8}
  cost: {kind: mac_cost, weight: 0.5, start_epoch: 1}
variants:
  - {name: float, constraints: []}
  - {name: cheap, from: float, constraints: [cost], set: [epochs=2, constraints.cost.weight=2]}
seeds: [1, 2]
)";

std::string fault_of(const std::string& text, const RecipeChoice& choice = {}) {
  try {
    parse_recipe(text, "r.yaml", choice);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

TEST(Recipe, IsReadWithItsDefaults) {
  const Recipe recipe = parse_recipe(kRecipe, "folder/r.yaml");
  EXPECT_EQ(recipe.name, "digits");
  EXPECT_EQ(recipe.epochs, 4);
  EXPECT_EQ(recipe.batch, 32);
  EXPECT_EQ(recipe.loss, "cross_entropy");
  EXPECT_EQ(recipe.optimizer.momentum, 0.8);
  EXPECT_EQ(recipe.schedule.step_epochs, 2);
  EXPECT_EQ(recipe.exports.file, "digits.onnx");
  EXPECT_EQ(recipe.constraints.size(), 2u);
  EXPECT_THAT(recipe.seeds, ElementsAre(1, 2));
  EXPECT_EQ(recipe.beside("net.yaml"), "folder/net.yaml");
  EXPECT_EQ(recipe.beside("/else/net.yaml"), "/else/net.yaml");
}

TEST(Recipe, OfAVariantHasItsSettingsAndItsConstraintsOnly) {
  const Recipe recipe = parse_recipe(kRecipe, "r.yaml", {.variant = "cheap", .settings = {"batch=7"}});
  EXPECT_EQ(recipe.epochs, 2);
  EXPECT_EQ(recipe.batch, 7);
  ASSERT_EQ(recipe.constraints.size(), 1u);
  EXPECT_EQ(recipe.constraints[0].name, "cost");
  EXPECT_EQ(recipe.constraints[0].weight, 2.0);
  EXPECT_TRUE(parse_recipe(kRecipe, "r.yaml", {.variant = "float", .settings = {}}).constraints.empty());
  // What a checkpoint is held against: the settings are part of it.
  EXPECT_NE(recipe.resolved, parse_recipe(kRecipe, "r.yaml").resolved);
}

TEST(Recipe, SaysWhereAFaultIs) {
  EXPECT_THAT(fault_of(with(kRecipe, "learning_rate", "learning_rat")), HasSubstr("r.yaml:5:"));
  EXPECT_THAT(fault_of(with(kRecipe, "epochs: 4", "epochs: -4")),
              HasSubstr("r.yaml:4:1: -4 is not between 0 and"));
  EXPECT_THAT(fault_of(with(kRecipe, "kind: sgd", "kind: sgdd")), HasSubstr("did you mean 'sgd'?"));
  EXPECT_THAT(fault_of(with(kRecipe, "from: float", "from: fload")),
              HasSubstr("no variant above is called 'fload'"));
  EXPECT_THAT(fault_of(with(kRecipe, "[cost]", "[costs]")), HasSubstr("no constraint is called 'costs'"));
  EXPECT_THAT(fault_of(with(kRecipe, "name: cheap", "name: float")),
              HasSubstr("two variants are called 'float'"));
  EXPECT_THAT(fault_of(with(kRecipe, "name: digits", "name: ../digits")), HasSubstr("is no plain name"));
  EXPECT_THAT(fault_of(kRecipe, {.variant = "chep", .settings = {}}), HasSubstr("did you mean 'cheap'?"));
}

TEST(Recipe, FindsTheFaultsOfEveryVariant) {
  const std::string file = testing::TempDir() + "recipe_test.yaml";
  write_file(file, with(kRecipe, "epochs=2", "epochs=two"));
  EXPECT_THAT(faults_of_recipe(file), ElementsAre(HasSubstr("variant 'cheap': --set epochs=two")));
  write_file(file, kRecipe);
  EXPECT_THAT(faults_of_recipe(file), ElementsAre());
}

}  // namespace
}  // namespace deltahop
