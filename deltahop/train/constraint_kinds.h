// SPDX-License-Identifier: Apache-2.0
// The kinds of constraints, one maker each; make_constraint() chooses by the section's word.
#pragma once

#include <algorithm>
#include <memory>
#include <set>

#include "deltahop/train/constraint.h"

namespace deltahop {

std::unique_ptr<Constraint> make_rounding(const ConstraintSection& section, const ValuePlan& plan);
std::unique_ptr<Constraint> make_pow2(const ConstraintSection& section, const ValuePlan& plan);

}  // namespace deltahop
