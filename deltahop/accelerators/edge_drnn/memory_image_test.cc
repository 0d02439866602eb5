// SPDX-License-Identifier: Apache-2.0
// What a board is loaded with, read back, and what the chip's limits say of a network.
#include "deltahop/accelerators/edge_drnn/memory_image.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/accelerators/edge_drnn/edge_drnn_testing.h"
#include "deltahop/accelerators/edge_drnn/stack.h"
#include "deltahop/base/error.h"

namespace deltahop::edge_drnn {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(EdgeDrnnImage, EveryFormReadsBackToTheSameImageAndLayers) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const auto traces = random_stack({{8, 16}, {16, 24}, {24, 8}}, 1, static_cast<int32_t>(seed), seed);
    const EdgeDrnnConfig chip = config_with({"weights_address=4096"});
    const MemoryImage image = make_image(chip, layers_of_traces(traces));
    MemoryImage read;
    read.weights = weights_from_text(weights_text(image), 8, "text");
    read.configuration = configuration_from_text(configuration_text(image), "text");
    EXPECT_EQ(read, image);
    EXPECT_EQ(image_from_binary(weights_binary(image), configuration_binary(image), 8, "binary"), image);
    const Layers layers = layers_of(image, chip);
    ASSERT_EQ(layers.size(), 3u);
    for (size_t k = 0; k < 3; ++k) {
      EXPECT_EQ(layers[k]->bias, traces[k].layer->bias);
      EXPECT_EQ(layers[k]->input_columns, traces[k].layer->input_columns);
      EXPECT_EQ(layers[k]->recurrent_columns, traces[k].layer->recurrent_columns);
      EXPECT_EQ(layers[k]->theta_x, traces[k].layer->theta_x);
    }
  }
}

TEST(EdgeDrnnImage, ColumnsAreContiguousAndPaddedWithZeros) {
  const auto traces = random_stack({{3, 10}}, 1, 0, 2);
  const EdgeDrnnConfig chip = config_with();
  const MemoryImage image = make_image(chip, layers_of_traces(traces));
  const LayerPlace place = place_layer(chip, *traces[0].layer, nullptr);
  EXPECT_EQ(place.inputs, 8);
  EXPECT_EQ(place.units, 16);
  EXPECT_EQ(std::ssize(image.weights), (1 + 8 + 16) * 48);
  EXPECT_EQ(place.column_address(-1), 0);
  EXPECT_EQ(place.column_address(2), 3 * 48);
  EXPECT_EQ(image.weights[3 * 48 + 16], traces[0].layer->input_column(2)[10]) << "first row of u";
  EXPECT_EQ(image.weights[3 * 48 + 10], 0) << "padded unit";
  EXPECT_EQ(image.weights[4 * 48], 0) << "padded input";
  EXPECT_EQ(image.configuration[4], 8);
  EXPECT_EQ(image.configuration[5], 16);
}

TEST(EdgeDrnnImage, TheHeaderNamesEverything) {
  const auto traces = random_stack({{8, 8}}, 1, 3, 2);
  const std::string header = c_header(make_image(config_with(), layers_of_traces(traces)), "my-net");
  for (const char* text : {"#ifndef EDGE_DRNN_MY_NET_H", "#define MY_NET_THETA_X 3",
                           "#define MY_NET_UNITS_1 8", "my_net_weights[408]", "aligned(4096)"})
    EXPECT_THAT(header, HasSubstr(text));
}

TEST(EdgeDrnnImage, BrokenFilesAreRefusedWithTheirPlace) {
  EXPECT_THAT([] { weights_from_text("00112233445566\n", 8, "w.hex"); },
              ThrowsMessage<Error>(HasSubstr("w.hex:1: is not 16 hexadecimal digits")));
  EXPECT_THAT([] { weights_from_text("0011223344556677\n00112233445566ZZ\n", 8, "w.hex"); },
              ThrowsMessage<Error>(HasSubstr("w.hex:2")));
  EXPECT_THAT([] { configuration_from_text("00001\n", "c.hex"); }, ThrowsMessage<Error>(HasSubstr("4 hex")));
  EXPECT_THAT([] { image_from_binary("", "short", 8, "c.bin"); }, ThrowsMessage<Error>(HasSubstr("c.bin")));
  MemoryImage image = make_image(config_with(), layers_of_traces(random_stack({{8, 8}}, 1, 0, 1)));
  image.weights.pop_back();
  EXPECT_THAT([&] { layers_of(image, config_with()); }, ThrowsMessage<Error>(HasSubstr("end before")));
  image.weights.resize(9999);
  EXPECT_THAT([&] { layers_of(image, config_with()); }, ThrowsMessage<Error>(HasSubstr("go on behind")));
  image.configuration[3] = 5;
  EXPECT_THAT([&] { layers_of(image, config_with()); }, ThrowsMessage<Error>(HasSubstr("5 layers")));
}

TEST(EdgeDrnnLimits, WhatTheChipCannotHoldIsRefusedByName) {
  const auto refusal = [](const std::vector<Sizes>& sizes, int32_t theta,
                          const std::function<void(IntegerDeltaGruLayer&)>& change = {}) {
    std::vector<std::shared_ptr<const IntegerDeltaGruLayer>> layers;
    for (const Sizes& size : sizes) {
      auto layer = std::make_shared<IntegerDeltaGruLayer>();
      layer->inputs = size.inputs;
      layer->hidden = size.units;
      layer->theta_x = layer->theta_h = theta;
      if (change && &size == &sizes.back()) change(*layer);
      layers.push_back(layer);
    }
    return refusal_of(config_with(), layers);
  };
  EXPECT_EQ(refusal({{40, 768}, {768, 768}}, 511), "");
  EXPECT_THAT(refusal({{8, 8}, {8, 8}, {8, 8}, {8, 8}, {8, 8}}, 0), HasSubstr("5 layers"));
  EXPECT_THAT(refusal({{8, 1025}}, 0), HasSubstr("1025"));
  EXPECT_THAT(refusal({{2000, 8}}, 0), HasSubstr("2000"));
  EXPECT_THAT(refusal({{8, 8}}, 512), HasSubstr("10 bits"));
  EXPECT_THAT(refusal({{8, 8}, {8, 8}}, 5, [](auto& layer) { layer.theta_h = 6; }),
              HasSubstr("one register"));
  EXPECT_THAT(refusal({{8, 8}, {9, 8}}, 0), HasSubstr("9 inputs behind 8 units"));
  EXPECT_THAT(refusal({{8, 8}}, 0, [](auto& layer) { layer.candidate_recurrent_bias.assign(8, 1); }),
              HasSubstr("b_hc"));
  EXPECT_THAT(refusal({{8, 8}}, 0, [](auto& layer) { layer.formats.weight = {8, 5}; }), HasSubstr("formats"));
}

TEST(EdgeDrnnLimits, SumsThatMayWrapAndPaddingAreWarnedOf) {
  auto traces = random_stack({{40, 256}}, 1, 0, 1);
  EXPECT_THAT(warnings_of(config_with(), layers_of_traces(traces)),
              testing::ElementsAre(HasSubstr("wrap beyond 128")));
  traces = random_stack({{3, 8}}, 1, 0, 1);
  EXPECT_THAT(warnings_of(config_with(), layers_of_traces(traces)),
              testing::ElementsAre(HasSubstr("padded")));
}

}  // namespace
}  // namespace deltahop::edge_drnn
