// SPDX-License-Identifier: Apache-2.0
// Any layer that multiplies goes one way: as a workload, a problem, a mapping and its counts.
#include "deltahop/mapping/problem.h"

#include <gtest/gtest.h>

#include "deltahop/base/random.h"
#include "deltahop/mapping/array_chip.h"
#include "deltahop/mapping/walk.h"

namespace deltahop {
namespace {

enum class Kind { convolution, depthwise, product, recurrent };

Workload random_workload(Random& random, Kind kind) {
  Workload workload;
  ConvolutionShape& shape = workload.shape;
  shape.batch = random.integer(1, 3);
  const bool is_convolution = kind == Kind::convolution || kind == Kind::depthwise;
  workload.kind = is_convolution            ? WorkloadKind::convolution
                  : kind == Kind::recurrent ? WorkloadKind::recurrent
                                            : WorkloadKind::matrix_product;
  shape.groups = is_convolution ? random.integer(1, 4) : 1;
  const bool is_depthwise = kind == Kind::depthwise;
  shape.in_channels = shape.groups * (is_depthwise ? 1 : random.integer(1, 5));
  shape.out_channels = shape.groups * random.integer(1, is_depthwise ? 2 : 5);
  if (kind == Kind::recurrent) workload.time_steps = random.integer(2, 9);
  if (kind == Kind::product) shape.in_rows = shape.out_rows = random.integer(1, 6);
  if (!is_convolution) return workload;
  shape.kernel_rows = random.integer(1, 3), shape.kernel_columns = random.integer(1, 3);
  shape.stride_rows = random.integer(1, 3), shape.stride_columns = random.integer(1, 3);
  shape.dilation_rows = random.integer(1, 3), shape.dilation_columns = random.integer(1, 3);
  shape.out_rows = random.integer(1, 5), shape.out_columns = random.integer(1, 5);
  shape.in_rows = window_extent(shape.out_rows, shape.kernel_rows, shape.stride_rows, shape.dilation_rows);
  shape.in_columns =
      window_extent(shape.out_columns, shape.kernel_columns, shape.stride_columns, shape.dilation_columns);
  return workload;
}

class AnyLayer : public testing::TestWithParam<Kind> {};

TEST_P(AnyLayer, HasAsManyOperandsAsItsWorkload) {
  Random random(5);
  for (int i = 0; i < 200; ++i) {
    const Workload workload = random_workload(random, GetParam());
    const ConvolutionShape& shape = workload.shape;
    const Problem problem = problem_of(workload);
    // Time steps depend on each other: a step is what is mapped.
    ASSERT_EQ(problem.macs() * workload.time_steps, workload.macs());
    ASSERT_EQ(problem.elements(Operand::weight), workload.weights());
    ASSERT_EQ(problem.elements(Operand::output),
              shape.batch * shape.out_channels * shape.out_rows * shape.out_columns);
    ASSERT_EQ(problem.elements(Operand::input),
              shape.batch * shape.in_channels * shape.in_rows * shape.in_columns);
  }
}

// The best mapping on a small array of every shipped dataflow, counted in closed form and by walking.
TEST_P(AnyLayer, IsMappedOntoEveryDataflowAndCountsAsTheWalkThroughItsNest) {
  Random random(6);
  for (const std::string& name : array_chip_names()) {
    const ArrayChip chip = load_array_chip(name, {"array.rows=3", "array.columns=4", "buffer.capacity=400B"});
    for (int i = 0; i < 8; ++i) {
      const Problem problem = problem_of(random_workload(random, GetParam()));
      const SearchResult found =
          find_mapping(problem, chip.hierarchy, chip.unit_costs(), chip.dataflow, Objective::energy);
      ASSERT_TRUE(found.mapping) << name << " " << i;
      ASSERT_EQ(fault_of(problem, chip.hierarchy, *found.mapping), "");
      const AccessCounts counts = count_accesses(problem, chip.hierarchy, *found.mapping);
      ASSERT_EQ(counts, walk_accesses(problem, chip.hierarchy, *found.mapping)) << name << " " << i;
      ASSERT_EQ(counts.macs, problem.macs());
      ASSERT_NEAR(cost_of(counts, chip.hierarchy, chip.unit_costs()).energy(), found.value,
                  1e-9 * found.value);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, AnyLayer,
                         testing::Values(Kind::convolution, Kind::depthwise, Kind::product, Kind::recurrent));

}  // namespace
}  // namespace deltahop
