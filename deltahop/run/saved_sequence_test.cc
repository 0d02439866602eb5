// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/saved_sequence.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/base/random.h"

namespace deltahop {
namespace {

using testing::HasSubstr;

std::vector<SavedLayer> random_layers(bool candidate_bias) {
  Random random(3);
  Tensor x(DataType::int16, {9, 5});
  for (int16_t& code : x.values<int16_t>()) code = static_cast<int16_t>(random.integer(-300, 300));
  std::vector<SavedLayer> layers;
  for (const int64_t inputs : {5, 7}) {
    auto layer = std::make_shared<IntegerDeltaGruLayer>();
    layer->inputs = inputs;
    layer->hidden = 7;
    layer->theta_x = 3;
    layer->theta_h = 11;
    const auto fill = [&](std::vector<int16_t>& values, int64_t count) {
      for (int64_t k = 0; k < count; ++k) values.push_back(static_cast<int16_t>(random.integer(-127, 127)));
    };
    fill(layer->bias, 21);
    fill(layer->input_columns, 21 * inputs);
    fill(layer->recurrent_columns, 21 * 7);
    if (candidate_bias) fill(layer->candidate_recurrent_bias, 7);
    layers.push_back({"gru/" + std::to_string(inputs),
                      run_sequence(layer, layers.empty() ? x : layers.back().trace.outputs)});
  }
  return layers;
}

TEST(SavedSequence, WhatIsReadGivesTheSameOutputsAndCounts) {
  for (const bool candidate_bias : {false, true}) {
    const std::vector<SavedLayer> layers = random_layers(candidate_bias);
    const std::map<std::string, Tensor> arrays = arrays_of(layers);
    EXPECT_TRUE(holds_sequence(arrays));
    const std::vector<SavedLayer> read = sequence_from(arrays, "trace.npz");
    ASSERT_EQ(read.size(), 2u);
    for (size_t k = 0; k < 2; ++k) {
      EXPECT_EQ(read[k].name, layers[k].name);
      EXPECT_EQ(read[k].trace.outputs, layers[k].trace.outputs);
      EXPECT_EQ(read[k].trace.sent_x, layers[k].trace.sent_x);
      EXPECT_EQ(read[k].trace.sent_h, layers[k].trace.sent_h);
      EXPECT_EQ(run_sequence(read[k].trace.layer, read[k].trace.inputs).outputs, layers[k].trace.outputs);
    }
  }
}

TEST(SavedSequence, BrokenArraysAreRefusedByName) {
  const auto refusal = [](const std::function<void(std::map<std::string, Tensor>&)>& change) -> std::string {
    std::map<std::string, Tensor> arrays = arrays_of(random_layers(false));
    change(arrays);
    try {
      sequence_from(arrays, "t.npz");
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal([](auto&) {}), "");
  EXPECT_THAT(refusal([](auto& a) { a.erase("sequence/1/bias"); }),
              HasSubstr("t.npz: the array 'sequence/1/bias' is missing"));
  EXPECT_THAT(refusal([](auto& a) { a.erase("sequence/0/about"); }), HasSubstr("no layer"));
  EXPECT_THAT(refusal([](auto& a) { a["stray"] = Tensor(); }), HasSubstr("belong to no layer"));
  EXPECT_THAT(refusal([](auto& a) {
                a["sequence/0/inputs"] = Tensor(DataType::int16, {8, 5});
              }),
              HasSubstr("one row a step"));
  EXPECT_THAT(refusal([](auto& a) {
                a["sequence/0/inputs"] = Tensor(DataType::int32, {9, 5});
              }),
              HasSubstr("int32"));
  EXPECT_THAT(refusal([](auto& a) {
                a["sequence/0/input_columns"] = Tensor(DataType::int16, {21, 5});
              }),
              HasSubstr("wanted 5x21"));
  EXPECT_THAT(refusal([](auto& a) { a["sequence/0/bias"].template values<int16_t>()[0] = 200; }),
              HasSubstr("beyond Q1.7"));
  EXPECT_THAT(refusal([](auto& a) { a["sequence/0/settings"].template values<int64_t>()[4] = 99; }),
              HasSubstr("number 4"));
}

}  // namespace
}  // namespace deltahop
