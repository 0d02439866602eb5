// SPDX-License-Identifier: Apache-2.0
// One format where branches are joined: what flows into a concatenation takes the format of what comes out,
// so that joining moves codes and rounds nothing a second time.
#pragma once

#include "deltahop/network/integer_model.h"

namespace deltahop {

// The coarsest of the formats of each concatenation and its inputs becomes that of all of them, and of the
// values that share a pass with them.
IntegerModel with_common_formats(IntegerModel model);

}  // namespace deltahop
