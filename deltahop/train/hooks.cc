// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/hooks.h"

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {

std::unique_ptr<TrainingHooks> make_training_hooks(const Recipe& recipe, TrainableGraph&, const Dataset&) {
  for (const ConstraintSection& section : recipe.constraints)
    throw Error(section.place,
                fmt::format("'{}' is no kind of constraint that training knows", section.kind));
  return std::make_unique<TrainingHooks>();
}

}  // namespace deltahop
