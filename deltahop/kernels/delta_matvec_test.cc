// SPDX-License-Identifier: Apache-2.0
// The delta products against plain loops, on every instruction set of this machine.
#include <gtest/gtest.h>

#include "deltahop/kernels/delta_matvec.h"

namespace deltahop {
namespace {

TEST(DeltaMatvec, AddsTheSentColumnsOnly) {
  const std::vector<float> weights = {1, 2, 3, 4, 5, 6};  // [2, 3]
  const ColumnPanel<float> panel(2, 3, weights);
  const std::vector<uint32_t> indices = {0, 2};
  const std::vector<float> deltas = {10, 100};
  std::vector<float> memory = {0.5f, 0};
  add_columns(panel, {indices.data(), deltas.data(), 2}, memory);
  EXPECT_EQ(memory, (std::vector<float>{310.5f, 640}));
}

}  // namespace
}  // namespace deltahop
