// SPDX-License-Identifier: Apache-2.0
// Any text as a recipe, alone and with each of its variants.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "deltahop/base/error.h"
#include "deltahop/recipe/recipe.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deltahop;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const Recipe recipe = parse_recipe(text, "fuzz.yaml");
    for (const VariantSection& variant : recipe.variants) parse_recipe(text, "fuzz.yaml", {variant.name, {}});
  } catch (const Error&) {
  }
  return 0;
}
