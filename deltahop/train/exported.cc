// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/exported.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "deltahop/compress/fold.h"
#include "deltahop/io/graph_def.h"
#include "deltahop/signal/front_end.h"

namespace deltahop {

Network exported(const Recipe& recipe, const Dataset& data, const Network& finished) {
  Network network = recipe.exports.fold ? folded(finished) : finished;
  network = network.with_metadata(
      "weights", fmt::format("trained by the recipe {}{}{}, seed {}", recipe.name,
                             recipe.variant.empty() ? "" : ", variant ", recipe.variant, recipe.seed));
  network = network.with_metadata("training_data", data.provenance);
  if (!data.class_names.empty())
    network = network.with_metadata("classes", fmt::format("{}", fmt::join(data.class_names, "\n")));
  if (recipe.data.sound) network = network.with_metadata(std::string(kFrontEndKey), to_text(data.front_end));
  return network;
}

}  // namespace deltahop
