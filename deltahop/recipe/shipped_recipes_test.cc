// SPDX-License-Identifier: Apache-2.0
// The recipes that ship can be read, with each of their variants.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/recipe/recipe.h"

namespace deltahop {
namespace {

TEST(ShippedRecipes, HaveNoFaultsInAnyVariant) {
  int recipes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(DELTAHOP_SOURCE_DIR "/recipes")) {
    if (entry.path().extension() != ".yaml") continue;
    EXPECT_THAT(faults_of_recipe(entry.path()), testing::IsEmpty()) << entry.path();
    ++recipes;
  }
  EXPECT_GE(recipes, 2);
}

}  // namespace
}  // namespace deltahop
