// SPDX-License-Identifier: Apache-2.0
// The network as it leaves training: folded, and with what others need to know of it in its metadata.
#pragma once

#include "deltahop/network/network.h"
#include "deltahop/recipe/recipe.h"
#include "deltahop/train/dataset.h"

namespace deltahop {

// finished: as the constraints leave it. Adds the classes, the front end of sound, and where the weights come
// from.
Network exported(const Recipe& recipe, const Dataset& data, const Network& finished);

}  // namespace deltahop
