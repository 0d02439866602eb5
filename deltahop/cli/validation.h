// SPDX-License-Identifier: Apache-2.0
// Published figures beside ours: the driver that `deltahop validate` and the tests share.
#pragma once

#include <string>
#include <vector>

#include "deltahop/cli/command.h"
#include "deltahop/report/report.h"

namespace deltahop {

// All figures of accelerators/<chip>/published.yaml, ours filled in. Throws Error on a broken file.
std::vector<PublishedFigure> validate_chip(const std::string& chip, Surroundings& surroundings);

}  // namespace deltahop
