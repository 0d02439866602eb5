// SPDX-License-Identifier: Apache-2.0
// Reports for tests, of made-up but consistent numbers: a straight network of sixteen layers and a branchy
// one.
#pragma once

#include "deltahop/report/report.h"

namespace deltahop {

Report straight_sample_report(int64_t inputs = 4);
// `modules` modules of six layers each that fork and join, after a stem of two.
Report branchy_sample_report(int modules = 10);
// What `profile` fills: no chip, no counts of a simulation.
Report profile_sample_report();

}  // namespace deltahop
