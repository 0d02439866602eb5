// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/batches.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <thread>

#include "deltahop/base/random.h"
#include "deltahop/train/dataset_testing.h"

namespace deltahop {
namespace {

using testing::ElementsAre;
using testing::ThrowsMessage;

// n pictures 1x3x3, or sequences of 1 to 20 frames with 2 features; the first value of each is its number.
Dataset pictures(int64_t n) {
  Dataset data;
  data.train.inputs = torch::arange(n, torch::kFloat).reshape({n, 1, 1, 1}).repeat({1, 1, 3, 3});
  data.train.labels = torch::arange(n, torch::kLong) % 10;
  data.black = {0};
  return data;
}

Dataset sequences(int64_t n) {
  Dataset data;
  data.train.inputs = torch::zeros({n, 20, 2});
  data.train.labels = torch::arange(n, torch::kLong);
  data.train.lengths = 1 + torch::arange(n, torch::kLong) * 7 % 20;
  for (int64_t i = 0; i < n; ++i)
    data.train.inputs[i].narrow(0, 0, data.train.lengths[i].item<int64_t>()).fill_(static_cast<float>(i + 1));
  return data;
}

std::vector<Examples> all_of(BatchSource& source) {
  std::vector<Examples> all;
  for (Examples batch; source.next(batch);) all.push_back(batch);
  return all;
}

TEST(Batches, EveryExampleComesOnceAnEpoch) {
  const Dataset data = pictures(103);
  const auto batches = training_batches(data, {.size = 10, .seed = 1});
  EXPECT_EQ(batches->count(), 11);
  std::map<float, int> seen;
  for (const Examples& batch : all_of(*batches)) {
    for (int64_t i = 0; i < batch.size(); ++i) {
      const auto number = batch.inputs[i][0][0][0].item<float>();
      ++seen[number];
      EXPECT_EQ(batch.labels[i].item<int64_t>(), static_cast<int64_t>(number) % 10);
    }
  }
  EXPECT_EQ(seen.size(), 103);
}

TEST(Batches, TheOrderBelongsToSeedAndEpoch) {
  const Examples examples = pictures(50).train;
  const auto plan = batch_plan(examples, {.size = 8, .seed = 1, .epoch = 2});
  EXPECT_EQ(plan, batch_plan(examples, {.size = 8, .seed = 1, .epoch = 2}));
  EXPECT_NE(plan, batch_plan(examples, {.size = 8, .seed = 1, .epoch = 3}));
  EXPECT_NE(plan, batch_plan(examples, {.size = 8, .seed = 2, .epoch = 2}));
}

TEST(Batches, NumbersAreTheSameWhoeverWaits) {
  Dataset data = pictures(64);
  data.section.augment = {.shift = 1, .flip = true, .noise = 0.1};
  std::vector<std::vector<float>> first;
  for (const int pause_ms : {0, 3}) {  // a trainer that is faster, and one that is slower than the maker
    const auto batches = training_batches(data, {.size = 8, .seed = 1, .epoch = 4});
    std::vector<std::vector<float>> values;
    for (Examples batch; batches->next(batch);) {
      std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
      values.push_back(floats(batch.inputs));
    }
    if (first.empty()) first = values;
    EXPECT_EQ(values, first);
  }
}

TEST(Batches, AugmentationDiffersFromEpochToEpochAndLeavesTheDataAlone) {
  Dataset data = pictures(16);
  data.section.augment = {.noise = 1};
  const std::vector<float> before = floats(data.train.inputs);
  const auto sum_of = [&](int64_t epoch) {
    const auto batches = training_batches(data, {.size = 16, .seed = 1, .epoch = epoch});
    Examples batch;
    batches->next(batch);
    return batch.inputs.sum().item<double>();
  };
  EXPECT_EQ(sum_of(0), sum_of(0));
  EXPECT_NE(sum_of(0), sum_of(1));
  EXPECT_EQ(floats(data.train.inputs), before);
}

TEST(Batches, SequencesOfSimilarLengthComeTogetherWithTheirTrueLengths) {
  const Dataset data = sequences(160);
  const auto batches = training_batches(data, {.size = 10, .seed = 1});
  int64_t padded = 0, real = 0;
  std::map<int64_t, int> seen;
  for (const Examples& batch : all_of(*batches)) {
    EXPECT_EQ(batch.inputs.size(1), batch.lengths.max().item<int64_t>());
    for (int64_t i = 0; i < batch.size(); ++i) {
      const int64_t label = batch.labels[i].item<int64_t>(), length = batch.lengths[i].item<int64_t>();
      ++seen[label];
      EXPECT_EQ(length, 1 + label * 7 % 20);
      // 2 features a frame, all of the example's number, and zeros behind the end.
      EXPECT_EQ(batch.inputs[i].sum().item<int64_t>(), 2 * length * (label + 1));
    }
    padded += batch.inputs.size(1) * batch.size();
    real += batch.lengths.sum().item<int64_t>();
  }
  EXPECT_EQ(seen.size(), 160);
  // Sorted by eights of ten: each batch spans about an eighth of 1..20; unsorted it would be 1.9 times the
  // frames.
  EXPECT_LT(static_cast<double>(padded), 1.25 * static_cast<double>(real));
}

TEST(Batches, PlainOnesComeInOrder) {
  const Dataset data = sequences(7);
  const auto batches = plain_batches(data.train, 3);
  EXPECT_EQ(batches->count(), 3);
  const std::vector<Examples> all = all_of(*batches);
  EXPECT_THAT(integers(all[0].labels), ElementsAre(0, 1, 2));
  EXPECT_THAT(integers(all[2].labels), ElementsAre(6));
  EXPECT_EQ(all[0].inputs.size(1), 15);  // the longest of 1, 8, 15
}

TEST(Batches, ASourceMayBeLeftBeforeItsEnd) {
  const Dataset data = pictures(1000);
  for (int i = 0; i < 20; ++i) {
    const auto batches = training_batches(data, {.size = 8, .seed = 1, .epoch = i});
    Examples batch;
    EXPECT_TRUE(batches->next(batch));
  }
}

// Two tones as speech, and noise as loud as they are.
Dataset noisy_sounds() {
  Dataset data;
  const Config config = Config::from_text(
      "{set: files, sound: {pattern: '{label}.wav', test_takes: [0], mix: {noise: [n], snr_dB: [0]}, "
      "front_end: {rate: 8 kHz, like: 'log_mel(4, 32 ms, 16 ms)'}}}",
      "r.yaml");
  data.section = read_data_section(config);
  data.front_end = data.section.sound->front_end;
  auto recordings = std::make_shared<Recordings>();
  Random random(1);
  recordings->noise.emplace_back(20000);
  for (float& value : recordings->noise[0]) value = static_cast<float>(random.normal());
  std::vector<float> tone;
  for (int i = 0; i < 2000; ++i) tone.push_back(static_cast<float>(std::sin(0.3 * i)));
  recordings->train = recordings->validation = {tone, tone};
  const int64_t frames = features_of(data.front_end, tone).dim(0);
  data.train.inputs = torch::zeros({2, frames, 4});
  data.train.labels = torch::zeros({2}, torch::kLong);
  data.train.lengths = torch::full({2}, frames, torch::kLong);
  data.validation = data.train;
  data.recordings = recordings;
  return data;
}

TEST(Batches, NoiseIsMixedInAnewInEveryEpoch) {
  const Dataset data = noisy_sounds();
  const auto values = [&](int64_t epoch, const std::vector<double>& snr) {
    const auto batches = training_batches(data, {.size = 2, .seed = 1, .epoch = epoch, .snr_dB = snr});
    Examples batch;
    batches->next(batch);
    return floats(batch.inputs);
  };
  EXPECT_EQ(values(0, {}), values(0, {0}));
  EXPECT_NE(values(0, {}), values(1, {}));
  EXPECT_NE(values(0, {}), values(0, {20}));
  EXPECT_TRUE(std::all_of(data.train.inputs.data_ptr<float>(),
                          data.train.inputs.data_ptr<float>() + data.train.inputs.numel(),
                          [](float v) { return v == 0; }));  // the clean ones stay as they are
}

TEST(Batches, TheValidationOfAStageHasItsOwnNoiseThatStays) {
  const Dataset data = noisy_sounds();
  EXPECT_EQ(floats(noisy_validation(data, {0}, 1).inputs), floats(noisy_validation(data, {0}, 1).inputs));
  EXPECT_NE(floats(noisy_validation(data, {0}, 1).inputs), floats(noisy_validation(data, {30}, 1).inputs));
  EXPECT_EQ(floats(noisy_validation(data, {}, 1).inputs), floats(data.validation.inputs));
}

TEST(Batches, WhatFailsInTheSecondThreadIsThrownInTheFirst) {
  Dataset data = noisy_sounds();
  auto broken = std::make_shared<Recordings>(*data.recordings);
  broken->noise[0].clear();
  data.recordings = broken;
  const auto batches = training_batches(data, {.size = 2, .seed = 1});
  Examples batch;
  EXPECT_ANY_THROW(batches->next(batch));
}

}  // namespace
}  // namespace deltahop
