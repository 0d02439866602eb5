// SPDX-License-Identifier: Apache-2.0
// Configuration, mappings, placement, passes and choice of mappings of Eyeriss against [Chen2017] table III
// and hand-made cases. That the models agree with each other and with plain loops is in
// tests/laws/eyeriss_law_test.cc.
#include "deltahop/accelerators/eyeriss/eyeriss.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/accelerators/eyeriss/account.h"
#include "deltahop/accelerators/eyeriss/chooser.h"
#include "deltahop/base/error.h"

namespace deltahop::eyeriss {
namespace {

using ::testing::HasSubstr;

EyerissConfig config_with(const std::vector<std::string>& settings = {}) {
  return dynamic_cast<const Eyeriss&>(*make_accelerator("eyeriss", settings)).config();
}

std::string message_of(const std::vector<std::string>& settings) {
  try {
    make_accelerator("eyeriss", settings);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// The convolutions of AlexNet over a batch of 4, one group.
LayerShape alexnet(int layer) {
  static constexpr LayerShape kLayers[] = {{4, 1, 3, 96, 11, 11, 55, 55, 4, 4},
                                           {4, 2, 48, 128, 5, 5, 27, 27, 1, 1},
                                           {4, 1, 256, 384, 3, 3, 13, 13, 1, 1},
                                           {4, 2, 192, 192, 3, 3, 13, 13, 1, 1},
                                           {4, 2, 192, 128, 3, 3, 13, 13, 1, 1}};
  return kLayers[layer - 1];
}

FusedWorkload workload_of(const LayerShape& layer) {
  FusedWorkload fused;
  ConvolutionShape& shape = fused.workload.shape;
  shape.batch = 1;
  shape.groups = layer.groups;
  shape.in_channels = layer.groups * layer.channels;
  shape.out_channels = layer.groups * layer.filters;
  shape.kernel_rows = layer.kernel_rows;
  shape.kernel_columns = layer.kernel_columns;
  shape.stride_rows = layer.stride_rows;
  shape.stride_columns = layer.stride_columns;
  shape.out_rows = layer.out_rows;
  shape.out_columns = layer.out_columns;
  shape.in_rows = layer.rows_under(layer.out_rows);
  shape.in_columns = layer.columns();
  fused.relu = true;
  return fused;
}

TEST(EyerissConfigTest, TheShippedChipHasThePublishedSizes) {
  const EyerissConfig chip = config_with();
  EXPECT_EQ(chip.array.elements(), 168);
  EXPECT_EQ(chip.array.filter_words * 2 * 168 + 108 * 1024, 181.5 * 1024) << "[Chen2017]: 181.5 KB of SRAM";
  EXPECT_EQ(chip.array.banks * chip.array.bank_words * 2, 100 * 1024);
  EXPECT_EQ(chip.architecture.clock.number(), 200e6);
  EXPECT_DOUBLE_EQ(chip.link_bits_per_cycle(), 19.2);
}

TEST(EyerissConfigTest, FaultsNameTheKey) {
  EXPECT_THAT(message_of({"buses.input=0"}), HasSubstr("between 1 and"));
  EXPECT_THAT(message_of({"scratchpad.filter=100"}), HasSubstr("scratchpad"));
  EXPECT_THAT(message_of({"link.maps=sometimes"}), HasSubstr("maps"));
  EXPECT_THAT(message_of({"unknown_output_density=1.5"}), HasSubstr("between 0 and 1"));
  EXPECT_EQ(message_of({"unknown_output_density=0.5", "batch=3"}), "");
}

TEST(EyerissMappingTest, EveryPublishedMappingFitsTheChip) {
  const EyerissConfig chip = config_with();
  ASSERT_EQ(chip.mappings.size(), 5U);
  for (int layer = 1; layer <= 5; ++layer) {
    EXPECT_EQ(misfit(chip.array, alexnet(layer), chip.mappings[static_cast<size_t>(layer - 1)].mapping), "")
        << "CONV" << layer;
  }
  EXPECT_EQ(misfit(chip.array, alexnet(3), {64, 4, 13, 16, 4, 1, 4}), "") << "CONV3 as the table prints it";
}

TEST(EyerissConfigTest, AListedMappingThatDoesNotFitIsAFaultOfTheFile) {
  EXPECT_THAT(message_of({"mappings.alexnet_conv3.q=5"}), HasSubstr("q S = 15 exceeds the 12"));
  EXPECT_THAT(message_of({"array.rows=8"}), HasSubstr("mapping=chosen"));
  EXPECT_EQ(message_of({"array.rows=8", "mapping=chosen"}), "");
  EXPECT_EQ(message_of({"mappings.alexnet_conv3.q=4", "mappings.alexnet_conv3.r=1"}), "");
}

TEST(EyerissMappingTest, EachBoundIsNamedWhenItIsBroken) {
  const Array array;
  const auto broken = [&](int layer, const Mapping& mapping) {
    return misfit(array, alexnet(layer), mapping);
  };
  EXPECT_EQ(broken(3, {64, 4, 13, 20, 4, 1, 1}),
            "p q S = 240 exceeds the 224 words of the filter scratchpad");
  EXPECT_THAT(broken(3, {64, 4, 13, 16, 5, 1, 1}), HasSubstr("q S = 15 exceeds the 12 words of the input"));
  EXPECT_THAT(broken(3, {64, 4, 13, 25, 1, 1, 1}), HasSubstr("p = 25 exceeds the 24"));
  EXPECT_THAT(broken(3, {64, 4, 13, 16, 4, 2, 2}),
              HasSubstr("banks for inputs and sums = 26 exceeds the 25"));
  EXPECT_THAT(broken(1, {48, 1, 7, 16, 1, 2, 1}), HasSubstr("stacks")) << "two sets of 11 rows on 12";
  EXPECT_THAT(broken(1, {96, 1, 7, 20, 1, 1, 2}), HasSubstr("filter buffer"));
  EXPECT_THAT(broken(2, {64, 1, 28, 16, 2, 1, 1}), HasSubstr("output rows"));
  EXPECT_THAT(broken(2, {64, 0, 27, 16, 2, 1, 1}), HasSubstr("1"));
}

// [Chen2017]: 27 columns of CONV2 are folded into 14 and 13, one above the other.
TEST(EyerissPlacementTest, ASetWiderThanTheArrayIsFolded) {
  const SetPlacement placement = SetPlacement::of(Array{}, 5, {64, 1, 27, 16, 2, 1, 1});
  EXPECT_EQ(placement.pieces, 2);
  EXPECT_EQ(placement.place(0, 0, 0, 13).row, 0);
  EXPECT_EQ(placement.place(0, 0, 0, 13).column, 13);
  EXPECT_EQ(placement.place(0, 0, 0, 14).row, 5);
  EXPECT_EQ(placement.place(0, 0, 4, 26).row, 9);
  EXPECT_EQ(placement.place(0, 0, 4, 26).column, 12);
}

TEST(EyerissPlacementTest, SetsOfOneSumStandAboveEachOther) {
  const SetPlacement placement = SetPlacement::of(Array{}, 3, {64, 4, 7, 16, 3, 2, 4});
  EXPECT_EQ(placement.most_filter_sets(), 4);
  for (int64_t l = 0; l < 4; ++l) {
    const auto low = placement.place(0, l, 0, 0), high = placement.place(1, l, 0, 0);
    EXPECT_EQ(low.column, high.column);
    EXPECT_EQ(low.row + 3, high.row);
  }
}

TEST(EyerissPlacementTest, NoTwoElementsShareAPlace) {
  const Mapping mappings[] = {{96, 1, 7, 16, 1, 1, 2}, {64, 4, 13, 16, 3, 2, 2}, {64, 4, 7, 8, 2, 1, 8}};
  const int64_t kernels[] = {11, 3, 3};
  for (int which = 0; which < 3; ++which) {
    const Mapping& mapping = mappings[which];
    const SetPlacement placement = SetPlacement::of(Array{}, kernels[which], mapping);
    std::set<std::pair<int64_t, int64_t>> places;
    for (int64_t k = 0; k < mapping.r; ++k) {
      for (int64_t l = 0; l < mapping.t; ++l) {
        for (int64_t i = 0; i < kernels[which]; ++i) {
          for (int64_t j = 0; j < mapping.e; ++j) {
            const SetPlacement::Place place = placement.place(k, l, i, j);
            EXPECT_LT(place.row, 12);
            EXPECT_LT(place.column, 14);
            places.emplace(place.row, place.column);
          }
        }
      }
    }
    EXPECT_EQ(static_cast<int64_t>(places.size()), kernels[which] * mapping.e * mapping.r * mapping.t);
  }
}

// CONV5: 2 groups, 4 blocks of 32 filters, 32 of 6 channels: 256 passes of 4 * 16 * 3 * 3 * 13 cycles.
TEST(EyerissPassesTest, PassesOfConv5ByHand) {
  const LayerShape layer = alexnet(5);
  const Mapping mapping{64, 4, 13, 16, 3, 2, 2};
  EXPECT_EQ(passes(layer, mapping), 256);
  const ArrayCounts counts = count_passes(layer, mapping, {});
  EXPECT_EQ(counts.compute_cycles, 256 * 7488);
  EXPECT_EQ(counts.filter_cycles, 256 * 1728 / 4) << "32 filters of 6 channels and 9 taps, 4 words a cycle";
  EXPECT_EQ(counts.window_cycles, 256 * 15 * 6 * 3) << "15 rows of 6 channels, 3 columns of each";
  EXPECT_EQ(counts.bus_cycles, 0);
  EXPECT_EQ(counts.sums_written, int64_t{4} * 256 * 169 * 32);
  EXPECT_EQ(counts.sums_read, int64_t{4} * 256 * 169 * 31);
}

TEST(EyerissPassesTest, WhatIsLeftOverIsAPassOfItsOwn) {
  // 7 channels by 2, 5 filters by 2 under m = 4, 3 rows by 2, 3 pictures by 2.
  const LayerShape layer{3, 1, 7, 5, 1, 1, 3, 4, 1, 1};
  const Mapping mapping{4, 2, 2, 2, 2, 1, 1};
  int64_t times = 0, macs = 0;
  for (const PassKind& kind : pass_kinds(layer, mapping)) {
    times += kind.times;
    macs += kind.times * kind.pictures * kind.filters * kind.channels * kind.rows * layer.out_columns;
  }
  EXPECT_EQ(times, 2 * 2 * 3 * 4);
  EXPECT_EQ(times, passes(layer, mapping));
  EXPECT_EQ(macs, layer.macs());
}

// Chosen with nothing but the chip's bounds and the objective, these four are the published ones; CONV2's
// differs in m and n only.
TEST(EyerissChooserTest, TheChoiceForAlexNetIsThePublishedMappingOfFourLayersOfFive) {
  const EyerissConfig chip = config_with();
  for (const int layer : {1, 3, 4, 5}) {
    EXPECT_EQ(to_text(*choose_mapping(chip.array, alexnet(layer), rates_of(chip))),
              to_text(chip.mappings[static_cast<size_t>(layer - 1)].mapping))
        << "CONV" << layer;
  }
  EXPECT_EQ(to_text(*choose_mapping(chip.array, alexnet(2), rates_of(chip))),
            "m 32, n 2, e 27, p 16, q 2, r 1, t 1");
}

TEST(EyerissChooserTest, NoOtherMappingOfItsKindIsBetter) {
  const EyerissConfig chip = config_with();
  const LayerShape layer{2, 1, 4, 6, 3, 3, 5, 5, 1, 1};
  const Mapping chosen = *choose_mapping(chip.array, layer, rates_of(chip));
  const auto product = [&](const Mapping& mapping) {
    const ArrayCounts counts = count_passes(layer, mapping, rates_of(chip));
    return moving_energy(layer, mapping, counts) * static_cast<double>(array_cycles(counts));
  };
  Mapping other;
  for (other.m = 1; other.m <= 6; ++other.m) {
    for (other.n = 1; other.n <= 2; ++other.n) {
      for (other.e = 1; other.e <= 5; ++other.e) {
        for (other.p = 1; other.p <= other.m; ++other.p) {
          for (other.q = 1; other.q <= 4; ++other.q) {
            for (other.r = 1; other.r <= 4; ++other.r) {
              for (other.t = 1; other.t <= 6; ++other.t) {
                const bool full = 6 % other.m == 0 && other.m % (other.p * other.t) == 0;
                if (full && fits(chip.array, layer, other)) {
                  EXPECT_GE(product(other), product(chosen));
                }
              }
            }
          }
        }
      }
    }
  }
}

TEST(EyerissSupportTest, WhatTheChipCannotRunSaysWhy) {
  const auto reason = [](const FusedWorkload& fused, std::vector<std::string> settings = {}) {
    const Support support = make_accelerator("eyeriss", settings)->supports(fused);
    return support.placement == Placement::host ? support.reason : "";
  };
  FusedWorkload fused = workload_of(alexnet(3));
  EXPECT_EQ(reason(fused), "");
  fused.workload.shape.dilation_rows = 2;
  EXPECT_EQ(reason(fused), "dilated kernel");
  fused = workload_of({1, 1, 1, 1, 13, 13, 4, 4, 1, 1});
  EXPECT_EQ(reason(fused), "kernel of 13 rows");
  fused = workload_of({1, 1, 1, 1, 3, 3, 4, 4, 3, 3});
  EXPECT_EQ(reason(fused), "stride 3 along the rows");
  EXPECT_EQ(reason(fused, {"extensions.any_size=true"}), "");
  fused = workload_of({1, 1, 1, 1, 3, 3, 2, 60000, 1, 1});
  EXPECT_EQ(reason(fused), "no mapping fits the buffer");
  fused = workload_of({1, 1, 64, 10, 1, 1, 1, 1, 1, 1});
  fused.workload.kind = WorkloadKind::fully_connected;
  EXPECT_EQ(reason(fused), "fully connected layers run on the host");
  EXPECT_EQ(reason(fused, {"extensions.fully_connected=true"}), "");
}

TEST(EyerissSupportTest, TheListedMappingIsUsedForItsShapeAndBatchOnly) {
  const FusedWorkload conv3 = workload_of(alexnet(3));
  EXPECT_THAT(make_accelerator("eyeriss", {})->mapping_text(conv3), HasSubstr("listed as alexnet_conv3"));
  EXPECT_THAT(make_accelerator("eyeriss", {"batch=3"})->mapping_text(conv3), HasSubstr("chosen"));
  EXPECT_THAT(make_accelerator("eyeriss", {"mapping=chosen"})->mapping_text(conv3), HasSubstr("chosen"));
}

TEST(EyerissAccountTest, AMapIsCodedOnlyWhereThatIsSmaller) {
  EXPECT_EQ(map_bits(Compression::when_smaller, 16, 1000, 1000), Bits(16000));
  EXPECT_EQ(map_bits(Compression::always, 16, 1000, 1000), Bits(334 * 64));
  EXPECT_EQ(map_bits(Compression::when_smaller, 16, 1000, 300), Bits(100 * 64));
  EXPECT_EQ(map_bits(Compression::never, 16, 1000, 300), Bits(16000));
}

}  // namespace
}  // namespace deltahop::eyeriss
