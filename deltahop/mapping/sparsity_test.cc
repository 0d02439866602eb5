// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/sparsity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "deltahop/base/error.h"
#include "deltahop/base/random.h"
#include "deltahop/mapping/array_chip.h"

namespace deltahop {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

LayerZeros zeros_with(double weights, double inputs) {
  LayerZeros zeros;
  zeros.weight_macs = weights;
  zeros.input_macs = inputs;
  zeros.both_macs = weights * inputs;
  return zeros;
}

TEST(Savings, AZeroInputIsReadAndStopsTheRest) {  // the gating rule of [Manasi2020]
  const Savings savings = savings_of({.gates = {Operand::input}}, zeros_with(0.5, 0.25), 16);
  EXPECT_THAT(savings.in_element, ElementsAre(0.25, 1, 0.25));
  EXPECT_EQ(savings.macs, 0.25);
  EXPECT_EQ(savings.cycles, 1);
}

TEST(Savings, ASecondGateIsLookedAtWhereTheFirstIsOpen) {
  const Savings savings = savings_of({.gates = {Operand::weight, Operand::input}}, zeros_with(0.5, 0.25), 16);
  EXPECT_THAT(savings.in_element, ElementsAre(1, 0.5, 0.125));
  EXPECT_EQ(savings.macs, 0.125);
}

TEST(Savings, WhatIsSkippedIsNotReadAndTakesNoTime) {
  const Savings savings =
      savings_of({.gates = {Operand::weight}, .skips = {Operand::input}}, zeros_with(0.5, 0.25), 16);
  EXPECT_THAT(savings.in_element, ElementsAre(0.25, 0.25, 0.125));
  EXPECT_EQ(savings.macs, 0.125);
  EXPECT_EQ(savings.cycles, 0.25);
}

TEST(Savings, ACodeThatIsLargerIsNotUsed) {
  Sparsity sparsity;
  sparsity.at_dram = {Code::run_length, Code::run_length, Code::run_length};
  LayerZeros zeros;  // dense: a run-length code takes 4/3
  zeros.operands[index_of(Operand::input)].pairs = 0.375;
  const Savings savings = savings_of(sparsity, zeros, 16);
  EXPECT_THAT(savings.size[0], ElementsAre(1, 0.5, 1));
  EXPECT_EQ(savings.finished, 1);
  EXPECT_THAT(savings.size[1], ElementsAre(1, 1, 1));
}

// The mean of the largest, by its definition: sum of k P(largest = k).
TEST(ExpectedLargest, OfFewTrialsIsThatByHand) {
  EXPECT_NEAR(expected_largest(1, 10, 0.3), 3.0, 1e-12);
  EXPECT_NEAR(expected_largest(2, 1, 0.5), 0.75, 1e-12);
  // Two of two fair trials: P(largest = 0) = 1/16, = 1: 1/2, = 2: 7/16.
  EXPECT_NEAR(expected_largest(2, 2, 0.5), 0.5 + 2 * 7.0 / 16, 1e-12);
  EXPECT_NEAR(expected_largest(1 << 20, 4, 0.5), 4, 1e-9);
  EXPECT_EQ(expected_largest(8, 100, 1), 100);
  EXPECT_EQ(expected_largest(8, 100, 0), 0);
}

TEST(ExpectedLargest, OfManyTrialsGrowsSlowly) {
  EXPECT_NEAR(expected_largest(1, 1'000'000, 0.3), 300'000, 1e-3 * 300'000);
  const double few = expected_largest(16, 10'000, 0.3), many = expected_largest(256, 10'000, 0.3);
  EXPECT_GT(few, 3000);
  EXPECT_GT(many, few);
  EXPECT_LT(many, 3300);
}

// K over columns, C over rows, 1 x 1 kernel: rows differ in their inputs, columns share them.
Mapping two_by_two(int64_t in_element) {
  return {{{{{Dimension::in_channel, 2 * in_element}}, false},
           {{{Dimension::in_channel, in_element, LoopKind::spatial_row},
             {Dimension::out_channel, 1, LoopKind::spatial_column}},
            false},
           {{}, false}}};
}

Hierarchy two_rows() {
  Hierarchy hierarchy{.levels = {{.name = "dram"}, {.name = "buffer"}, {.name = "element"}},
                      .array_level = 2};
  hierarchy.rows = hierarchy.columns = 2;
  return hierarchy;
}

// Independent zeros, tile by tile: the mean of the busiest row, against the closed form.
TEST(WaitingCycles, AreTheBusiestElementsOfRandomTiles) {
  const Hierarchy hierarchy = two_rows();
  const Sparsity skips{.skips = {Operand::input}};
  for (const double density : {0.1, 0.5, 0.8}) {
    for (const int64_t in_element : {1, 4, 32}) {
      const Problem problem{.bounds = {1, 1, 2, 64, 1, 1, 1, 1}};
      const double expected =
          waiting_cycles(skips, zeros_with(1, density), problem, hierarchy, two_by_two(in_element));
      Random random(5);
      double busiest = 0;
      constexpr int kTiles = 40'000;
      for (int tile = 0; tile < kTiles; ++tile) {
        int64_t most = 0;
        for (int row = 0; row < 2; ++row) {
          int64_t work = 0;
          for (int64_t i = 0; i < in_element; ++i) work += random.chance(density) ? 1 : 0;
          most = std::max(most, work);
        }
        busiest += static_cast<double>(most);
      }
      EXPECT_NEAR(busiest / kTiles / static_cast<double>(in_element), expected, 0.012)
          << density << " " << in_element;
    }
  }
}

TEST(WaitingCycles, OfWeightsThatAreNeverZeroAreThoseOfTheInputs) {
  const Problem problem{.bounds = {1, 1, 8, 64, 1, 1, 1, 1}};
  Mapping mapping = two_by_two(16);
  mapping.levels[1].loops[1].step = 4;  // a weight of four output channels for every input in an element
  const Sparsity inputs{.skips = {Operand::input}}, both{.skips = {Operand::input, Operand::weight}};
  EXPECT_DOUBLE_EQ(waiting_cycles(both, zeros_with(1, 0.4), problem, two_rows(), mapping),
                   waiting_cycles(inputs, zeros_with(1, 0.4), problem, two_rows(), mapping));
}

// Rows differ in inputs and weights, columns in weights only; an element multiplies each of its inputs by a
// weight of each of its output channels.
TEST(WaitingCycles, OfBothAreThoseOfRandomTilesWithSharedFactors) {
  constexpr int64_t kInputs = 16, kChannels = 4;
  const Problem problem{.bounds = {1, 1, 2 * kChannels, 64, 1, 1, 1, 1}};
  Mapping mapping = two_by_two(kInputs);
  mapping.levels[1].loops[1].step = kChannels;
  const Sparsity both{.skips = {Operand::input, Operand::weight}};
  Random random(6);
  double busiest = 0;
  constexpr int kTiles = 20'000;
  for (int tile = 0; tile < kTiles; ++tile) {
    int64_t most = 0;
    for (int row = 0; row < 2; ++row) {
      std::array<bool, kInputs> inputs;
      for (bool& input : inputs) input = random.chance(0.5);
      for (int column = 0; column < 2; ++column) {
        int64_t work = 0;
        for (int64_t i = 0; i < kInputs * kChannels; ++i)
          work += random.chance(0.6) && inputs[static_cast<size_t>(i / kChannels)] ? 1 : 0;
        most = std::max(most, work);
      }
    }
    busiest += static_cast<double>(most);
  }
  const double walked = busiest / kTiles / static_cast<double>(kInputs * kChannels);
  const double expected = waiting_cycles(both, zeros_with(0.6, 0.5), problem, two_rows(), mapping);
  // Elements of a column share their inputs, which the closed form does not see: it lies above.
  EXPECT_GE(expected, walked - 0.003);
  EXPECT_NEAR(expected, walked, 0.03);
}

TEST(WaitingCycles, LieBetweenFullBalanceAndDense) {
  const Problem problem{.bounds = {1, 1, 2, 64, 1, 1, 1, 1}};
  const Sparsity skips{.skips = {Operand::input}};
  Hierarchy hierarchy = two_rows();
  double before = 1;
  for (const int64_t in_element : {1, 2, 4, 8, 16, 32}) {
    const double left = waiting_cycles(skips, zeros_with(1, 0.3), problem, hierarchy, two_by_two(in_element));
    EXPECT_LT(left, before);
    EXPECT_GE(left, 0.3);
    before = left;
  }
  // Elements that do not keep the inputs hear them at every multiplication, together.
  hierarchy.levels[2].keeps[index_of(Operand::input)] = false;
  EXPECT_NEAR(waiting_cycles(skips, zeros_with(1, 0.3), problem, hierarchy, two_by_two(32)), 1 - 0.7 * 0.7,
              1e-12);
  EXPECT_EQ(waiting_cycles({}, zeros_with(1, 0.3), problem, hierarchy, two_by_two(32)), 1);
}

TEST(Sparsity, ShippedWaysAreRead) {
  EXPECT_THAT(sparsity_names(), ElementsAre("compressed", "dense", "gated", "skipped", "skipped_both"));
  EXPECT_FALSE(load_sparsity("dense").uses_zeros());
  EXPECT_THAT(load_sparsity("gated").gates, ElementsAre(Operand::input));
  EXPECT_THAT(load_sparsity("compressed").at_dram,
              ElementsAre(Code::none, Code::run_length, Code::run_length));
  EXPECT_TRUE(load_sparsity("skipped_both").skips_any());
}

std::string fault_of_text(const std::string& text) {
  try {
    const Config config = Config::from_text(text, "mine.yaml");
    read_sparsity(config, "mine");
    config.finish();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Sparsity, FaultsSayWhereAndWhat) {
  EXPECT_EQ(fault_of_text("gates: [inputs, weights]\n"), "");
  EXPECT_THAT(fault_of_text("gates: [outputs]\n"), HasSubstr("mine.yaml:1:1: 'outputs' is no factor"));
  EXPECT_THAT(fault_of_text("gates: [inputs]\nskips: [inputs]\n"), HasSubstr("nothing is left to gate"));
  EXPECT_THAT(fault_of_text("codes: {dram: {inputs: rle}}\n"), HasSubstr("rle"));
  EXPECT_THAT(fault_of_text("codes: {buffer: {outputs: csc}}\n"), HasSubstr("partial sums are not coded"));
  EXPECT_THAT(fault_of_text("codes: {element: {inputs: csc}}\n"), HasSubstr("unknown key 'element'"));
}

}  // namespace
}  // namespace deltahop
