// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/delta_thresholds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/random.h"

namespace deltahop {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string fault_of(std::string_view text) {
  try {
    parse_thresholds(text, "gru.txt");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// x -> GRU "gru1" -> Squeeze -> MatMul "dense" by a constant -> Relu.
Network small_network() {
  NetworkBuilder builder("small");
  const ValueId x = builder.input("x", DataType::float32, {3, 1, 2});
  const ValueId w = builder.constant("w", Tensor(DataType::float32, {1, 6, 2})),
                r = builder.constant("r", Tensor(DataType::float32, {1, 6, 2}));
  const ValueId h = builder.node("GRU", "gru1", {x, w, r}, {}, 2)[1];
  const ValueId m = builder.constant("m", Tensor(DataType::float32, {2, 4}));
  builder.output(builder.node("Relu", "last", {builder.node("MatMul", "dense", {h, m})[0]})[0]);
  return builder.build();
}

TEST(DeltaThresholds, ReadsALineALayer) {
  const ThresholdTable table = parse_thresholds(
      "# tuned on Tuesday\n"
      "gru1 theta_x=0.1 theta_h=2e-1 theta_rh=0.5  # the first\n"
      "\n"
      "* theta_h=1; \"a b#\\\"\" theta_x=0\r\n",
      "gru.txt");
  EXPECT_EQ(table.by_node.size(), 3u);
  EXPECT_EQ(table.of("gru1"), (DeltaThresholds{0.1, 0.2, 0.5}));
  EXPECT_EQ(table.of("a b#\""), (DeltaThresholds{}));
  EXPECT_EQ(table.of("another"), (DeltaThresholds{0, 1, 0}));
  EXPECT_EQ(ThresholdTable{}.of("any"), DeltaThresholds{});
}

TEST(DeltaThresholds, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(fault_of("\ngru1 theta_y=1"),
              HasSubstr("gru.txt:2: 'theta_y' is not known; did you mean 'theta_x'"));
  EXPECT_THAT(fault_of("gru1 theta_x"), HasSubstr("theta_x has no value"));
  EXPECT_THAT(fault_of("gru1 theta_x=1 theta_x=2"), HasSubstr("theta_x comes twice"));
  EXPECT_THAT(fault_of("gru1 theta_x=1\ngru1 theta_x=1"),
              HasSubstr("gru.txt:2: the layer 'gru1' comes twice"));
  EXPECT_THAT(fault_of("theta_x=1"), HasSubstr("is no name of a layer"));
  EXPECT_THAT(fault_of("\"gru1 theta_x=1"), HasSubstr("does not end"));
  for (const char* const value : {"-0.1", "nan", "inf", "1e999", "0.1s", "", "0,1"})
    EXPECT_THAT(fault_of(std::string("gru1 theta_h=") + value), HasSubstr("is no threshold")) << value;
}

TEST(DeltaThresholds, GivesTextThatReadsBackExactly) {
  Random random(5);
  for (int round = 0; round < 200; ++round) {
    ThresholdTable table;
    const int64_t lines = random.integer(0, 4);
    for (int64_t i = 0; i < lines; ++i) {
      std::string name;
      const int64_t length = random.integer(1, 6);
      constexpr std::string_view kSigns = "ab/ .:#;\"\\\t\n\r*_n=";
      for (int64_t k = 0; k < length; ++k)
        name += kSigns[static_cast<size_t>(random.integer(0, static_cast<int64_t>(kSigns.size()) - 1))];
      table.by_node[name] = {random.uniform(), random.chance(0.3) ? 0 : random.uniform() * 1e-5,
                             random.chance(0.5) ? 0 : 1 / random.uniform()};
    }
    EXPECT_EQ(parse_thresholds(text_of(table), "again"), table) << text_of(table);
  }
}

TEST(DeltaThresholds, BelongToRecurrentLayersAndProductsByConstants) {
  EXPECT_THAT(delta_node_names(small_network()), ElementsAre("gru1", "dense"));
}

TEST(DeltaThresholds, RefuseNamesThatTheNetworkHasNot) {
  const Network network = small_network();
  const auto fault = [&](const char* text) -> std::string {
    try {
      check_thresholds(parse_thresholds(text, "gru.txt"), network, "gru.txt");
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(fault("gru1 theta_x=1\n* theta_h=1\ndense theta_x=2"), "");
  EXPECT_EQ(fault("gru2 theta_x=1"), "gru.txt: the network has no layer 'gru2'; did you mean 'gru1'?");
  EXPECT_EQ(fault("last theta_x=1"), "gru.txt: the layer 'last' takes no thresholds; known: gru1, dense");
}

TEST(DeltaThresholds, TravelInTheMetadata) {
  const Network network = small_network();
  EXPECT_TRUE(thresholds_in(network).empty());
  const ThresholdTable table = parse_thresholds("gru1 theta_x=0.1 theta_h=0.2", "here");
  const Network with = with_thresholds(network, table);
  EXPECT_EQ(thresholds_in(with), table);
  EXPECT_EQ(with.metadata().at(kThresholdsKey), "gru1 theta_x=0.1 theta_h=0.2\n");
  EXPECT_EQ(with_thresholds(with, {}).metadata().count(kThresholdsKey), 0u);
  EXPECT_EQ(thresholds_in(with.bound({{3, 1, 2}})), table);
}

TEST(DeltaThresholds, InTheMetadataAreCheckedAsAnywhere) {
  const Network network = small_network().with_metadata(kThresholdsKey, "gru3 theta_x=1");
  try {
    thresholds_in(network);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("metadata 'deltahop.delta_thresholds': the network has no layer 'gru3'"));
  }
}

}  // namespace
}  // namespace deltahop
