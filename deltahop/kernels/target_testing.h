// SPDX-License-Identifier: Apache-2.0
// For tests of vector code: the same body on every instruction set that was compiled and that this machine
// has.
#pragma once

#include <gtest/gtest.h>

#include <hwy/highway.h>

namespace deltahop {

template <class Body>
void on_every_target(const Body& body) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  body();
}

}  // namespace deltahop
